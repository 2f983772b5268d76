"""Loading models and generating text, in process with transformers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rlcs.prompts import Messages
from rlcs.special_tokens import neutralising, special_tokens

log = logging.getLogger("rlcs")


@dataclass(frozen=True)
class Completion:
    """What a model wrote: text without special tokens, token count, whether it was cut off, token ids."""

    text: str
    tokens: int
    cut_off: bool
    ids: tuple[int, ...] = ()


def load_tokenizer(
    model: Path | str, revision: str | None = None, *, gguf_file: str | None = None
) -> PreTrainedTokenizerBase:
    """A tokenizer with a pad token and a chat template, in which messages can write no special token.

    Args:
        gguf_file: in the folder or repository ``model``, that holds the tokenizer; else its own files do.

    Raises:
        ValueError: the tokenizer has no chat template.
    """
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, gguf_file=gguf_file)
    if tokenizer.chat_template is None:
        raise ValueError(f"the tokenizer of {model} has no chat template; use an instruction-tuned model")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    for place in ("is_local", "local_files_only"):  # where it was loaded from; would be saved with it
        tokenizer.init_kwargs.pop(place, None)
    tokenizer.chat_template = neutralising(tokenizer.chat_template, special_tokens(tokenizer))
    return tokenizer


def load_causal(
    model: Path | str, revision: str | None = None, *, gguf_file: str | None = None, dtype: str = "auto"
) -> PreTrainedModel:
    """A language model from safetensors only, or from a GGUF file, whose blocks become plain weights.

    Args:
        gguf_file: in the folder or repository ``model``.
        dtype: ``auto`` is the precision of the files; of a GGUF file float32, in which blocks are unpacked.

    Raises:
        ValueError: these are not all weights of a language model, or those of a reward model.
    """
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    if gguf_file is not None:
        from transformers import GgufConfig  # since 5.23; jobs that load no GGUF file may have an older one

        options = {"gguf_file": gguf_file, "quantization_config": GgufConfig(dequantize=True)}
        options["dtype"] = "float32" if dtype == "auto" else dtype
    return _complete(AutoModelForCausalLM, model, revision=revision, **options)


def load_scalar(model: Path | str, *, new_head: bool = False) -> PreTrainedModel:
    """A Bradley-Terry reward model: a language model's weights under a head of one output.

    Args:
        new_head: draw the head; else it is among the weights.

    Raises:
        ValueError: these are not all weights of a reward model.
    """
    drawn = [_HEAD] if new_head else []
    return _complete(
        AutoModelForSequenceClassification,
        model,
        drawn=drawn,
        num_labels=1,
        dtype="auto",
        use_safetensors=True,
    )


_HEAD = "score.weight"  # transformers' name of a reward model's head


def _complete(
    kind: type[AutoModelForCausalLM | AutoModelForSequenceClassification],
    model: Path | str,
    *,
    drawn: Sequence[str] = (),
    **options: Any,
) -> PreTrainedModel:
    """A model all of whose weights were found: transformers draws those that are missing, and only warns."""
    loaded, info = kind.from_pretrained(model, output_loading_info=True, **options)
    missing = sorted(set(info["missing_keys"]) - set(drawn))
    if missing or _HEAD in info["unexpected_keys"]:
        what = f"lacks {', '.join(missing[:3])}" if missing else f"has {_HEAD}, a reward model's head"
        raise ValueError(f"{model} {what}: these are not the weights of a {type(loaded).__name__}")
    return loaded


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first: little padding, and memory fails early."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def encode(tokenizer: PreTrainedTokenizerBase, conversations: Sequence[Messages]) -> list[list[int]]:
    """Prompts as token ids, up to where the assistant speaks."""
    return [
        tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        for messages in conversations
    ]


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Messages],
    *,
    max_new_tokens: int,
    batch_size: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
) -> list[Completion]:
    """One completion per conversation, in the given order; temperature 0 is greedy.

    A prompt that does not fit into the model's context window with ``max_new_tokens`` is never truncated: its
    completion is empty and cut off.

    Args:
        seed: seeds torch's generator where the temperature is above 0.
    """
    sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    if temperature > 0:
        torch.manual_seed(seed)
        sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    was_training = model.training
    model.eval()
    prompts = encode(tokenizer, conversations)
    stops = _stop_tokens(model, tokenizer)
    fitting = [i for i, prompt in enumerate(prompts) if fits(model, len(prompt) + max_new_tokens)]
    completions = {i: Completion("", 0, cut_off=True) for i in range(len(prompts))}
    if too_long := len(prompts) - len(fitting):
        log.warning("%d of %d prompts do not fit into the context window; left out", too_long, len(prompts))
    for places in batches([len(prompts[i]) for i in fitting], batch_size):
        indices = [fitting[place] for place in places]
        encoded = tokenizer.pad(
            {"input_ids": [prompts[i] for i in indices]}, padding_side="left", return_tensors="pt"
        ).to(model.device)
        output = model.generate(
            **encoded,
            **sampling,
            max_new_tokens=max_new_tokens,
            eos_token_id=sorted(stops),
            pad_token_id=tokenizer.pad_token_id,
        )
        for index, ids in zip(indices, output[:, encoded["input_ids"].shape[1] :].tolist(), strict=True):
            length = next((n for n, token in enumerate(ids) if token in stops), len(ids))
            text = tokenizer.decode(ids[:length], skip_special_tokens=True)
            completions[index] = Completion(
                text.strip(), length, cut_off=length == max_new_tokens, ids=tuple(ids[:length])
            )
    model.train(was_training)
    return [completions[i] for i in range(len(prompts))]


def fits(model: PreTrainedModel, tokens: int) -> bool:
    """Whether so many tokens fit into the model's context window."""
    window = getattr(model.config, "max_position_embeddings", None)
    return window is None or tokens <= window


def _stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    configured = model.generation_config.eos_token_id if model.generation_config else None
    stops = {configured} if isinstance(configured, int) else set(configured or ())
    return stops | {tokenizer.eos_token_id}

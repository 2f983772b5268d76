"""Loading models and generating text, in process with transformers."""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.prompts import Messages
from rlcs.models.chat_templates import count_reasoning, markers_of
from rlcs.reasoning import Markers, split_reasoning

log = logging.getLogger("rlcs")


@dataclass(frozen=True)
class Completion:
    """A model's text without special tokens and thoughts, the number of all its tokens, and their ids.

    Attributes:
        truncated: the token limit ended it, or a thought that has no end.
        reasoning: number of tokens of its thoughts, which the text has none of; None without thoughts.
        logits: of the watched tokens at each position, (tokens, watched); None if none is watched.
    """

    text: str
    tokens: int
    truncated: bool
    ids: tuple[int, ...] = ()
    reasoning: int | None = None
    logits: torch.Tensor | None = field(default=None, compare=False, repr=False)


class _LogitRecorder(LogitsProcessor):
    """Keeps the logits of some tokens at each step and changes none.

    transformers puts it behind a repetition penalty and before the temperature.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self.steps: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self.steps.append(scores[:, self.tokens])
        return scores

    def by_row(self) -> torch.Tensor:
        """Logits (rows, steps, tokens)."""
        return torch.stack(self.steps, dim=1).cpu()


def batches(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, which need little padding.

    The longest come first, so that running out of memory happens in the first batch.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def encode(tokenizer: PreTrainedTokenizerBase, conversations: Sequence[Messages]) -> list[list[int]]:
    """Token ids of each prompt, up to where the assistant's turn begins."""
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
    top_k: int = 0,
    min_p: float | None = None,
    repetition_penalty: float = 1.0,
    seed: int = 0,
    watched: Sequence[int] = (),
) -> list[Completion]:
    """One completion per conversation, in the given order; temperature 0 is greedy.

    A prompt that does not fit into the model's context window with ``max_new_tokens`` is never truncated: its
    completion is empty and truncated.

    Args:
        top_p, top_k, min_p, repetition_penalty: in transformers' words; their defaults change nothing. The
            first three need a temperature above 0.
        seed: seeds torch's generator where the temperature is above 0.
        watched: tokens whose logits at each position are kept (``Completion.logits``).
    """
    sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    if temperature > 0:
        torch.manual_seed(seed)
        sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": top_k}
        sampling |= {} if min_p is None else {"min_p": min_p}
    if repetition_penalty != 1:
        sampling["repetition_penalty"] = repetition_penalty
    was_training = model.training
    model.eval()
    prompts = encode(tokenizer, conversations)
    stops, markers = stop_tokens(model, tokenizer), markers_of(tokenizer)
    fitting = [i for i, prompt in enumerate(prompts) if fits(model, len(prompt) + max_new_tokens)]
    completions = {i: Completion("", 0, truncated=True) for i in range(len(prompts))}
    if too_long := len(prompts) - len(fitting):
        log.warning("%d of %d prompts do not fit into the context window; left out", too_long, len(prompts))
    for batch in batches([len(prompts[i]) for i in fitting], batch_size):
        indices = [fitting[position] for position in batch]
        encoded = tokenizer.pad(
            {"input_ids": [prompts[i] for i in indices]}, padding_side="left", return_tensors="pt"
        ).to(model.device)
        recorder = _LogitRecorder(watched)
        output = model.generate(
            **encoded,
            **sampling,
            logits_processor=LogitsProcessorList([recorder] if watched else []),
            max_new_tokens=max_new_tokens,
            eos_token_id=sorted(stops),
            pad_token_id=tokenizer.pad_token_id,
        )
        logits = recorder.by_row() if watched else None
        new_ids = output[:, encoded["input_ids"].shape[1] :].tolist()
        for row, (index, ids) in enumerate(zip(indices, new_ids, strict=True)):
            written = completion_of(tokenizer, ids, max_new_tokens, stops, markers)
            kept = None if logits is None else logits[row, : written.tokens]
            completions[index] = replace(written, logits=kept)
    model.train(was_training)
    return [completions[i] for i in range(len(prompts))]


def completion_of(
    tokenizer: PreTrainedTokenizerBase,
    ids: Sequence[int],
    limit: int,
    stops: Collection[int],
    markers: Markers | None,
) -> Completion:
    """The completion that a model wrote, up to the first stop token; what stands behind it is padding.

    Args:
        ids: of the new tokens.
        limit: the most tokens that it may have.
    """
    length = next((n for n, token in enumerate(ids) if token in stops), len(ids))
    written = split_reasoning(
        tokenizer.decode(ids[:length], skip_special_tokens=True),
        markers,
        truncated=is_truncated(ids[: length + 1], limit, stops),
    )
    reasoning = count_reasoning(tokenizer, written.reasoning)
    return Completion(written.text, length, written.truncated, ids=tuple(ids[:length]), reasoning=reasoning)


def fits(model: PreTrainedModel, tokens: int) -> bool:
    """True if so many tokens fit into the model's context window."""
    window = getattr(model.config, "max_position_embeddings", None)
    return window is None or tokens <= window


def is_truncated(ids: Sequence[int], limit: int | None, stops: Collection[int]) -> bool:
    """True if the token limit ended a text before its own end.

    Args:
        ids: of the text, with the stop token that ended it.
        limit: the most tokens that the text may have; None without a limit.
        stops: tokens that end a text (``stop_tokens``). A shorter text that ends in another token was ended
            by something else, such as a stop string.
    """
    return limit is not None and len(ids) >= limit and ids[-1] not in stops


def stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Tokens that end a text: those of the model's generation_config, and the tokenizer's."""
    configured = model.generation_config.eos_token_id if model.generation_config else None
    stops = {configured} if isinstance(configured, int) else set(configured or ())
    return stops | {tokenizer.eos_token_id}

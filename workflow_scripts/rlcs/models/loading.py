"""Loading models and tokenizers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rlcs.models.chat_templates import with_variables
from rlcs.models.special_tokens import neutralize, special_tokens


def load_tokenizer(
    model: Path | str,
    revision: str | None = None,
    *,
    gguf_file: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> PreTrainedTokenizerBase:
    """A tokenizer with a pad token and a chat template, in which messages can write no special token.

    Args:
        gguf_file: in the folder or repository ``model``, that holds the tokenizer; else its own files do.
        variables: values of the chat template's variables (``with_variables``).

    Raises:
        ValueError: the tokenizer has no chat template.
    """
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision, gguf_file=gguf_file)
    if tokenizer.chat_template is None:
        raise ValueError(f"the tokenizer of {model} has no chat template; use an instruction-tuned model")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    for name in ("is_local", "local_files_only"):  # where it was loaded from; would be saved with it
        tokenizer.init_kwargs.pop(name, None)
    template = with_variables(tokenizer.chat_template, variables or {})
    tokenizer.chat_template = neutralize(template, special_tokens(tokenizer))
    return tokenizer


def load_causal(
    model: Path | str, revision: str | None = None, *, gguf_file: str | None = None, dtype: str = "auto"
) -> PreTrainedModel:
    """A language model from safetensors only, or from a GGUF file, whose blocks become plain weights.

    Only the token ids of its generation_config are kept. Penalties and filters that a base ships would act in
    ``generate``, but not in TRL's rollouts: training and evaluation would decode differently.

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
    loaded = _complete(AutoModelForCausalLM, model, revision=revision, **options)
    shipped = loaded.generation_config
    loaded.generation_config = GenerationConfig(**{name: getattr(shipped, name, None) for name in _TOKEN_IDS})
    return loaded


def load_scalar(
    model: Path | str, revision: str | None = None, *, new_head: bool = False, dtype: str = "auto"
) -> PreTrainedModel:
    """A Bradley-Terry reward model: a language model's weights under a head of one output.

    If its config has no pad token, it gets the tokenizer's: the reward stands at the last token that is no
    padding, and a batch cannot be read without one.

    Args:
        new_head: draw the head; else it is among the weights.
        dtype: ``auto`` is the precision of the files.

    Raises:
        ValueError: these are not all weights of a reward model, or its head has several labels.
    """
    stored = AutoConfig.from_pretrained(model, revision=revision)
    is_classifier = any(_CLASSIFIER in name for name in stored.architectures or ())
    if is_classifier and not new_head and stored.num_labels != 1:
        raise ValueError(
            f"{model} has a head of {stored.num_labels} labels, but a reward model has one, a text's score"
        )
    drawn = [_HEAD] if new_head else []
    loaded = _complete(
        AutoModelForSequenceClassification,
        model,
        drawn=drawn,
        revision=revision,
        num_labels=1,
        dtype=dtype,
        use_safetensors=True,
    )
    config = loaded.config.get_text_config()
    if config.pad_token_id is None:
        config.pad_token_id = load_tokenizer(model, revision).pad_token_id
    return loaded


_TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
_HEAD = "score.weight"  # transformers' name of a reward model's head
_CLASSIFIER = "ForSequenceClassification"


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

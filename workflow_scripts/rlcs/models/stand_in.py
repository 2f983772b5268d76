"""Stand-ins for large models: a small random model with the other's architecture, tokens and chat template.

Where the hub's cache, the hub or a folder has the model's own files, they are taken: config.json,
generation_config.json, the tokenizer and its template. Elsewhere ``model_facts.json`` says what is known of
the model's family. What such files leave out, like a pad token, the stand-in leaves out too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    set_seed,
)

from rlcs.config.bases import StandInBaseConfig
from rlcs.errors import InputError
from rlcs.stages.stage import log

HEAD = 32  # width of a head; vLLM's kernels for a CPU know no narrower one
_MLP, _WINDOW, _VOCABULARY = 2, 32_768, 1_000  # times the width; positions; tokens of a made-up tokenizer
_SPREAD = 0.05  # of the initial weights: at the usual 0.02 so narrow a model writes one token only


@dataclass(frozen=True)
class Files:
    """The config of a model, its tokenizer, and the decoding that it ships.

    Attributes:
        source: where they come from, for the log.
    """

    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    generation: GenerationConfig
    source: str


def stand_in(base: StandInBaseConfig, model: str, texts: Iterable[str]) -> tuple[PreTrainedModel, Files]:
    """Make the model with random weights.

    Args:
        model: folder or hub id of the model's files.
        texts: for a made-up tokenizer, if the model's own is not at hand.

    Raises:
        InputError: neither the model's files nor its family's facts are known.
    """
    try:
        files = _own_files(base, model)
    except (OSError, ValueError) as error:
        files = _known_files(base.of.model, texts, error)
    log.info("stand-in for %s: config, tokenizer and template are %s", base.of.model, files.source)
    set_seed(base.seed)
    small = AutoModelForCausalLM.from_config(_shrink(files.config, base, len(files.tokenizer)))
    small.generation_config = files.generation
    return small, files


def _own_files(base: StandInBaseConfig, model: str) -> Files:
    of = base.of
    options: dict[str, Any] = {"revision": of.revision, "gguf_file": of.gguf_file}
    config = AutoConfig.from_pretrained(model, **options)
    tokenizer = AutoTokenizer.from_pretrained(model, **options)
    try:
        generation = GenerationConfig.from_pretrained(model, revision=of.revision)
    except OSError:
        generation = GenerationConfig.from_model_config(config)
    return Files(config, tokenizer, generation, f"its own, of {model}")


@cache
def _facts() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(
        Path(__file__).with_name("model_facts.json").read_text(encoding="utf-8")
    )
    return found


def _known_files(model: str, texts: Iterable[str], missing: Exception) -> Files:
    family = next((family for family in _facts() if model.startswith(family)), None)
    if family is None:
        raise InputError(
            f"no stand-in for {model!r}: its files are not at hand ({type(missing).__name__}), and the "
            f"families that are known without them are {', '.join(_facts())}. Bring config.json and the "
            "tokenizer into the hub's cache, or name a folder that has them"
        )
    facts = _facts()[family]
    tokenizer = _made_up_tokenizer(facts, texts)
    ids = {
        name: tokenizer.convert_tokens_to_ids(value) if name.endswith("_token_id") else value
        for name, value in facts["config"].items()
    }
    config = AutoConfig.for_model(**ids)
    ends = [tokenizer.convert_tokens_to_ids(token) for token in facts["ends"]]
    generation = GenerationConfig(
        **facts["generation"],
        bos_token_id=ids["bos_token_id"],
        eos_token_id=ends,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Files(config, tokenizer, generation, f"made up by what is known of {family}")


def _made_up_tokenizer(facts: dict[str, Any], texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """A byte-level BPE in which each digit is a token, as in these families."""
    made = Tokenizer(models.BPE())
    digits = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        additional_special_tokens=facts["special"],
        clean_up_tokenization_spaces=False,
        **facts["tokens"],
    )
    tokenizer.add_tokens(facts["added"])  # not special: <think> is text that a model writes
    tokenizer.chat_template = facts["template"]
    return tokenizer


def _shrink(config: PretrainedConfig, base: StandInBaseConfig, tokens: int) -> PretrainedConfig:
    """The config with small sizes; token ids, tied weights and the kind of attention stay as they are."""
    heads = base.hidden_size // HEAD
    groups = max(1, config.num_attention_heads // config.num_key_value_heads)
    sizes: dict[str, Any] = {
        "hidden_size": base.hidden_size,
        "intermediate_size": _MLP * base.hidden_size,
        "num_hidden_layers": base.layers,
        "num_attention_heads": heads,
        "num_key_value_heads": max(1, heads // groups),
        "head_dim": HEAD,
        "vocab_size": max(tokens, getattr(config, "vocab_size", 0) if tokens > _VOCABULARY * 2 else 0),
        "max_position_embeddings": min(config.max_position_embeddings, _WINDOW),
        "initializer_range": _SPREAD,
        "dtype": "bfloat16",
    }
    stated = config.to_dict()
    if stated.get("layer_types"):
        sizes["layer_types"] = stated["layer_types"][: base.layers]
    return type(config).from_dict({**stated, **sizes})

"""Pre-training of the tiny models: TRL's SFTTrainer on the literacy examples."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, set_seed
from trl import SFTConfig, SFTTrainer

from rlcs.config.world import WorldBaseConfig
from rlcs.training.options import build_options
from rlcs.world import literacy
from rlcs.world.tokenizer import train_tokenizer


def new_model(base: WorldBaseConfig, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """Make a Llama of the given shape; AutoTokenizer leaves this architecture's tokenizer as it is."""
    set_seed(base.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=base.hidden_size,
            intermediate_size=base.intermediate_size,
            num_hidden_layers=base.layers,
            num_attention_heads=base.heads,
            num_key_value_heads=base.heads,
            max_position_embeddings=1024,
            initializer_range=base.initializer_range,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def pretraining_trainer(
    base: WorldBaseConfig,
    rng: Random,
    *,
    policy_template: str,
    judge_template: str,
    shared: Mapping[str, Any],
    output_dir: str,
) -> SFTTrainer:
    """Make a trainer of a new model on new examples, easy ones first."""
    examples = literacy.examples(
        rng, base.single_examples, base.pair_examples, policy_template, judge_template
    )
    tokenizer = train_tokenizer(m["content"] for e in examples for m in e["prompt"] + e["completion"])
    options = build_options(SFTConfig, shared, base.training, seed=base.seed, output_dir=output_dir)
    return SFTTrainer(
        model=new_model(base, tokenizer),
        args=options,
        train_dataset=Dataset.from_list(examples),
        processing_class=tokenizer,
    )

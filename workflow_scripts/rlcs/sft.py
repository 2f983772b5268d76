"""Supervised fine-tuning, of a GenRM on chains and of a policy on stories alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from rlcs.entries import Lora
from rlcs.examples import Example
from rlcs.lora import adapter_config
from rlcs.models import load_causal, load_tokenizer
from rlcs.stage import Stage
from rlcs.training import build_options, train


def train_sft(
    stage: Stage, base: Path, own: Mapping[str, Any], lora: Lora | None, examples: Sequence[Example]
) -> None:
    """Train the model in ``base`` on {prompt, completion} examples, with the entry's own TRL options."""

    def trainer(scratch: str) -> SFTTrainer:
        return SFTTrainer(
            model=load_causal(base),
            args=build_options(SFTConfig, stage.config["training"], own, seed=stage.seed, output_dir=scratch),
            train_dataset=Dataset.from_list(list(examples)),
            processing_class=load_tokenizer(base),
            peft_config=adapter_config(lora, "CAUSAL_LM"),
        )

    train(stage, trainer)

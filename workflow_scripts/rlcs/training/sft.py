"""Supervised fine-tuning, of a GenRM on chains and of a policy on stories alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from sklearn.model_selection import GroupShuffleSplit
from transformers import EarlyStoppingCallback
from trl import SFTConfig, SFTTrainer

from rlcs.config.training import AdapterConfig, EarlyStoppingConfig
from rlcs.errors import InputError
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.stages.stage import Stage
from rlcs.training.context_window import Window
from rlcs.training.examples import Example
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options
from rlcs.training.run import train


def train_sft(
    stage: Stage,
    base: Path,
    own: Mapping[str, Any],
    lora: AdapterConfig | None,
    examples: Sequence[Example],
    stopping: EarlyStoppingConfig | None = None,
    *,
    shuffle: bool = True,
) -> None:
    """Train the model in ``base`` on {prompt, completion} examples, with the entry's own TRL options.

    Args:
        stopping: then every example has a ``context_id`` too, by which some are held out.
        shuffle: False: in every epoch the examples are in the order in which they are given.
    """
    window = Window.of(base, own.get("max_length"))
    fitting = window.fitting(examples, load_tokenizer(base))
    training = trl_columns(fitting)
    order = "random" if shuffle else "sequential"
    shared = {"max_length": None, "train_sampling_strategy": order, **stage.config["training"]}
    held_out: list[Example] = []
    if stopping is not None:
        shared |= stopping_options(stopping, shared.get("logging_steps", stopping.every))
        training, held_out = held_out_contexts(fitting, stopping.share, stage.seed)

    def trainer(scratch: str) -> SFTTrainer:
        made = SFTTrainer(
            model=load_causal(base),
            args=build_options(SFTConfig, shared, own, seed=stage.seed, output_dir=scratch),
            train_dataset=Dataset.from_list(training),
            eval_dataset=Dataset.from_list(held_out) if held_out else None,
            processing_class=load_tokenizer(base),
            peft_config=adapter_config(lora, "CAUSAL_LM"),
        )
        if stopping is not None:
            made.add_callback(EarlyStoppingCallback(early_stopping_patience=stopping.patience))
        return made

    train(stage, trainer, lambda _, folder: window.write(folder))


def stopping_options(stopping: EarlyStoppingConfig, logging_steps: int) -> dict[str, Any]:
    """TRL's options that publish the step with the lowest loss on what is held out.

    It logs about as often as ``logging_steps`` says, and so that a log ends where a look begins.
    """
    return {
        "eval_strategy": "steps",
        "eval_steps": stopping.every,
        "save_steps": stopping.every,
        "logging_steps": math.gcd(stopping.every, int(logging_steps)),
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "restore_callback_states_from_checkpoint": True,  # a resumed training goes on counting
    }


def trl_columns(examples: Sequence[Example]) -> list[Example]:
    """What TRL reads of them."""
    return [{name: example[name] for name in ("prompt", "completion")} for example in examples]


def held_out_contexts(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """``trl_columns`` examples to train on and others; no context stands on both sides.

    Raises:
        InputError: there is one context alone.
    """
    groups = [example["context_id"] for example in examples]
    if len(set(groups)) < 2:
        raise InputError("early_stopping holds contexts out, and all training pairs have the same one")
    split = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    ((kept, left),) = split.split(groups, groups=groups)
    return trl_columns([examples[i] for i in kept]), trl_columns([examples[i] for i in left])

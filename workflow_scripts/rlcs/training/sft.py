"""Supervised fine-tuning of a GenRM on chains, or of a policy on stories."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from sklearn.model_selection import GroupShuffleSplit
from transformers import EarlyStoppingCallback
from trl import SFTConfig, SFTTrainer

from rlcs.config.training import AdapterConfig, EarlyStoppingConfig, Precision
from rlcs.errors import InputError
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.stages.stage import Stage
from rlcs.training.context_window import Window
from rlcs.training.examples import TrainingExample
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options
from rlcs.training.precision import loaded_dtype
from rlcs.training.run import train


def train_sft(
    stage: Stage,
    base: Path,
    training: Mapping[str, Any],
    lora: AdapterConfig | None,
    examples: Sequence[TrainingExample],
    stopping: EarlyStoppingConfig | None = None,
    *,
    shuffle: bool = True,
    trainer_class: Callable[..., SFTTrainer] = SFTTrainer,
    choose: Callable[[Path], None] | None = None,
    dtype: Precision = "float32",
) -> None:
    """Train the model in ``base`` on {prompt, completion} examples, and publish it.

    Args:
        training: the entry's own TRL options.
        stopping: early stopping on held-out contexts; every example then needs a ``context_id`` too.
        shuffle: if False, the examples are in the given order in every epoch.
        trainer_class: makes the trainer, of SFTTrainer's arguments.
        choose, dtype: as in ``run.train``.

    Raises:
        InputError: no example fits the context window, TRL refuses an option, or all examples have one
            context.
    """
    window = Window.of(base, training.get("max_length"))
    fitting = window.fitting(examples, load_tokenizer(base))
    train_examples = trl_columns(fitting)
    order = "random" if shuffle else "sequential"
    shared = {"max_length": None, "train_sampling_strategy": order, **stage.config["training"]}
    held_out: list[TrainingExample] = []
    if stopping is not None:
        shared |= stopping_options(stopping, shared.get("logging_steps", stopping.every))
        train_examples, held_out = split_by_context(fitting, stopping.share, stage.seed)

    def trainer(scratch: str) -> SFTTrainer:
        options = build_options(SFTConfig, shared, training, seed=stage.seed, output_dir=scratch)
        made = trainer_class(
            model=load_causal(base, dtype=loaded_dtype(options, lora)),
            args=options,
            train_dataset=Dataset.from_list(train_examples),
            eval_dataset=Dataset.from_list(held_out) if held_out else None,
            processing_class=load_tokenizer(base),
            peft_config=adapter_config(lora, "CAUSAL_LM"),
        )
        if stopping is not None:
            made.add_callback(EarlyStoppingCallback(early_stopping_patience=stopping.patience))
        return made

    train(stage, trainer, lambda _, folder: window.write(folder), choose, dtype)


def stopping_options(stopping: EarlyStoppingConfig, logging_steps: int) -> dict[str, Any]:
    """TRL's options that publish the step with the lowest loss on held-out examples.

    Logging is about as frequent as ``logging_steps``, and every evaluation step is a logged step.
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


def trl_columns(examples: Sequence[TrainingExample]) -> list[TrainingExample]:
    """The columns of examples that TRL reads."""
    return [{name: example[name] for name in ("prompt", "completion")} for example in examples]


def split_by_context(
    examples: Sequence[TrainingExample], share: float, seed: int
) -> tuple[list[TrainingExample], list[TrainingExample]]:
    """Split examples, with ``trl_columns``, into training and held-out ones; no context is in both.

    Raises:
        InputError: there is only one context.
    """
    groups = [example["context_id"] for example in examples]
    if len(set(groups)) < 2:
        raise InputError("early_stopping holds contexts out, and all training pairs have the same one")
    split = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    ((train_indices, held_out_indices),) = split.split(groups, groups=groups)
    return trl_columns([examples[i] for i in train_indices]), trl_columns(
        [examples[i] for i in held_out_indices]
    )

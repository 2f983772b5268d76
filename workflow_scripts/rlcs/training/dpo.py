"""Direct preference optimization of a policy (DPO, arXiv 2305.18290) by TRL's trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from rlcs.config.training import AdapterConfig, Precision
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.stages.stage import Stage
from rlcs.training.context_window import Window
from rlcs.training.examples import TrainingExample
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options
from rlcs.training.precision import loaded_dtype
from rlcs.training.run import train


def train_dpo(
    stage: Stage,
    start: Path,
    training: Mapping[str, Any],
    lora: AdapterConfig | None,
    examples: Sequence[TrainingExample],
    dtype: Precision = "float32",
) -> None:
    """Train the model in ``start`` on {prompt, chosen, rejected} examples, and publish it.

    The reference model is the model in ``start``: TRL loads it again, or takes the adapters off.

    Args:
        training: the entry's own TRL options.
        dtype: as in ``run.train``.

    Raises:
        InputError: no example fits the context window, or TRL refuses an option.
    """
    window = Window.of(start, training.get("max_length"))
    fitting = window.fitting(examples, load_tokenizer(start))
    shared = {"max_length": None, **stage.config["training"]}

    def trainer(scratch: str) -> DPOTrainer:
        options = build_options(DPOConfig, shared, training, seed=stage.seed, output_dir=scratch)
        return DPOTrainer(
            model=load_causal(start, dtype=loaded_dtype(options, lora)),
            args=options,
            train_dataset=Dataset.from_list(fitting),
            processing_class=load_tokenizer(start),
            peft_config=adapter_config(lora, "CAUSAL_LM"),
        )

    train(stage, trainer, lambda _, folder: window.write(folder), dtype=dtype)

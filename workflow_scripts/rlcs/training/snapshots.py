"""Stories that a policy writes in training: for the same held-out contexts, every few steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import GRPOConfig
from trl.generation.vllm_generation import VLLMGeneration

from rlcs.records import SNAPSHOTS, Context, read_rows, write_rows
from rlcs.training.selection import draw_stories, is_due

SNAPSHOTS_FILE = "snapshots.parquet"


class TakeSnapshots(TrainerCallback):
    """Writes stories before the first step, every ``every`` steps and at the end.

    Each step has its own file beside the checkpoints, so that a resumed training has them all; a repeated
    step writes the same again.

    Args:
        engine: the trainer's vLLM, which writes the stories; None leaves it to transformers.
    """

    def __init__(
        self,
        contexts: Sequence[Context],
        template: str,
        tokenizer: PreTrainedTokenizerBase,
        options: GRPOConfig,
        every: int,
        folder: Path,
        engine: VLLMGeneration | None = None,
    ) -> None:
        self.contexts = contexts
        self.template = template
        self.tokenizer = tokenizer
        self.options = options
        self.every = every
        self.folder = folder
        self.engine = engine

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: PreTrainedModel,
        **_: Any,
    ) -> None:
        if state.global_step == 0:
            self._take(0, model, state.is_world_process_zero)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: PreTrainedModel,
        **_: Any,
    ) -> None:
        if is_due(state, self.every):
            self._take(state.global_step, model, state.is_world_process_zero)

    def _take(self, step: int, model: PreTrainedModel, writes: bool) -> None:
        """Draw and write the stories; all processes draw, as sharded weights require, and one writes."""
        drawn = draw_stories(model, self.tokenizer, self.contexts, self.template, self.options, self.engine)
        rows = [
            {
                "step": step,
                "context_id": context.context_id,
                "text": completion.text,
                "tokens": completion.tokens,
                "truncated": completion.truncated,
            }
            for context, completion in zip(self.contexts, drawn, strict=True)
        ]
        if writes:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_rows(self.folder / f"{step:09}.parquet", rows, SNAPSHOTS)

    def publish(self, artifact: Path) -> None:
        """Write the stories of all steps, in order, into the artifact."""
        rows = [row for path in sorted(self.folder.iterdir()) for row in read_rows(path, SNAPSHOTS)]
        write_rows(artifact / SNAPSHOTS_FILE, rows, SNAPSHOTS)

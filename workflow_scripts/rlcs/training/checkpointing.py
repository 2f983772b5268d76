"""Checkpoints from which a killed training ends with the same weights as one that was not killed.

They are TRL's own, restricted to steps with no half-filled log window and no rollouts that were sampled but
not used yet, since TRL saves neither.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from rlcs.stages.ranks import gather, is_main, wait_for_all


def is_exact(args: TrainingArguments, step: int) -> bool:
    """True if a training that resumes at ``step`` continues as if it had never stopped."""
    return step % int(args.logging_steps) == 0 and step % steps_per_rollout(args) == 0


def steps_per_rollout(args: TrainingArguments) -> int:
    """Optimiser steps that share one batch of rollouts; 1 for trainers without rollouts.

    Raises:
        ValueError: rollouts end within a step.
    """
    batches = getattr(args, "steps_per_generation", None)
    if batches is None:
        return 1
    batches *= args.num_iterations
    accumulated = args.gradient_accumulation_steps
    if batches % accumulated and accumulated % batches:
        raise ValueError(
            f"steps_per_generation x num_iterations = {batches} and gradient_accumulation_steps = "
            f"{accumulated}: one must be a multiple of the other, or rollouts end within a step"
        )
    return max(1, batches // accumulated)


def check_save_steps(args: TrainingArguments) -> None:
    """Check that a training can be resumed exactly.

    Raises:
        ValueError: it cannot.
    """
    if args.eval_on_start:
        raise ValueError("eval_on_start is repeated when a training is resumed; set eval_steps instead")
    if args.save_steps < 1 or not is_exact(args, int(args.save_steps)):
        raise ValueError(
            f"save_steps = {args.save_steps} must be a multiple of logging_steps = {args.logging_steps} and "
            f"of the {steps_per_rollout(args)} steps that share a batch of rollouts: at other steps TRL "
            "cannot resume exactly"
        )


_COMPLETE = "complete"  # the last file of a checkpoint: every process has written its own


def last_checkpoint(folder: Path) -> str | None:
    """The newest complete checkpoint; None without any."""
    complete = [file.parent for file in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{_COMPLETE}")]
    return str(max(complete, key=_step)) if complete else None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


@contextmanager
def saves_on_sigterm(trainer: Trainer) -> Iterator[None]:
    """Save at the next exact step after SIGTERM (Slurm's warning), then end the process with status 143.

    Every complete checkpoint from which a training can continue is marked, for ``last_checkpoint``.
    """
    callback = _Checkpoints()
    trainer.add_callback(callback)
    previous = signal.signal(signal.SIGTERM, callback.request)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
    if callback.requested:
        raise SystemExit(128 + signal.SIGTERM)


class _Checkpoints(TrainerCallback):
    """Marks checkpoints; after a signal, which processes get at different times, stops all at one step."""

    def __init__(self) -> None:
        self.requested = False
        self._stops = False  # in all processes at the same step

    def request(self, _signal: int, _frame: FrameType | None) -> None:
        self.requested = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if is_exact(args, state.global_step) and any(gather([self.requested])):
            self.requested = self._stops = control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        wait_for_all()
        # transformers takes one step more where it resumes a training that is over
        if is_main() and not control.should_training_stop:
            folder = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            (folder / _COMPLETE).touch()
        control.should_training_stop |= self._stops

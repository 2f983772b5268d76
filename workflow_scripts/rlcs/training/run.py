"""One training from start to artifact: resume, train, publish the model and its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from accelerate.utils.memory import clear_device_cache
from transformers import Trainer, set_seed

from rlcs.config.training import Precision
from rlcs.data.artifacts import HISTORY_FILE
from rlcs.stages.ranks import broadcast, is_main, wait_for_all
from rlcs.stages.stage import Stage
from rlcs.stages.tracking import Tracking
from rlcs.training.checkpointing import last_checkpoint, saves_on_sigterm
from rlcs.training.lora import save_whole
from rlcs.training.options import skip_prompt_logits
from rlcs.training.pace import Pace
from rlcs.training.tracking import Track

# Metrics that differ in every run (run.json has the durations), or restart after a resume.
_OMITTED = ("runtime", "per_second", "step_time", "profiling", "mfu", "tokens_per", "num_tokens")


def train(
    stage: Stage,
    make_trainer: Callable[[str], Trainer],
    finish: Callable[[Trainer, Path], None] = lambda trainer, folder: None,
    choose: Callable[[Path], None] | None = None,
    dtype: Precision = "float32",
) -> None:
    """Run a trainer, from its last checkpoint if it was killed, and publish its model and its history.

    Args:
        make_trainer: makes the trainer, given the folder of its checkpoints as TRL's ``output_dir``.
        finish: writes further files, given the trainer and the artifact's folder.
        choose: may replace the model in the artifact's folder. Every process calls it, with the memory that
            the trainer had.
        dtype: precision of the published weights.
    """
    with stage.artifact() as folder:
        checkpoints = stage.checkpoints()
        skip_prompt_logits()
        set_seed(stage.seed)  # a reward model's new head is drawn before the trainer seeds anything
        trainer = make_trainer(str(checkpoints))
        trainer.add_callback(Pace())
        if (tracking := Tracking.of_environment()) is not None and tracking.tracker != "none":
            trainer.add_callback(Track(tracking, tracking.training_name(stage.output.parent), checkpoints))
        with saves_on_sigterm(trainer):
            trainer.train(resume_from_checkpoint=broadcast(lambda: last_checkpoint(checkpoints)))
        save_whole(trainer, folder / "model", folder / "adapter", dtype)
        if is_main():
            HISTORY_FILE.write(folder, history(trainer.state.log_history))
            finish(trainer, folder)
        wait_for_all()
        if choose is not None:
            del trainer
            clear_device_cache(garbage_collection=True)
            choose(folder)


def history(log_history: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Turn a trainer's logs into rows of HISTORY, without timings and the closing summary."""
    return [
        {"step": int(entry["step"]), "metric": metric, "value": float(value)}
        for entry in log_history
        if "train_runtime" not in entry
        for metric, value in sorted(entry.items())  # a resumed trainer has them in another order
        if metric not in ("step", "epoch") and not any(word in metric for word in _OMITTED)
        if value is not None  # TRL logs None for a mean over nothing
    ]

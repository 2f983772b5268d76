"""Live curves of a training, by transformers' own integrations of TensorBoard, W&B, trackio and MLflow.

A training that was killed and resumed goes on in its own run, and each entry of its log is there. The entries
are those of ``state.log_history``, which checkpoints hold. A resumed training logs the same entries
in the same order, so their number says which were sent. TensorBoard drops those after the checkpoint
(``purge_step``). The others keep them and send from a queue, which a kill empties: what was sent in the last
minute before it is sent again, and may be there twice.
"""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import (
    MLflowCallback,
    TensorBoardCallback,
    TrackioCallback,
    WandbCallback,
)

from rlcs.stages.stage import log
from rlcs.stages.tracking import Tracking

SENT_NAME = "tracking.json"
"""File beside a training's checkpoints: by tracker, the run's id there, and the numbers of entries that were
sent and that count as received."""

RECEIVED_AFTER = 60.0
"""Seconds after which an entry that was sent counts as received."""


class Track(TrainerCallback):
    """Reports the trainer's log to a tracker, from the main process alone.

    A tracker that fails is given up with one warning: no training ends by it. What it draws at random is not
    drawn from the training's random states.

    Args:
        name: of the training, as ``Tracking.training_name``.
        checkpoints: folder that a killed training finds again, and no other training.
    """

    def __init__(self, tracking: Tracking, name: str, checkpoints: Path) -> None:
        self.tracking = tracking
        self.name = name
        self.kept = checkpoints / SENT_NAME
        self.run_id = uuid.uuid4().hex[:12]
        self.sent = self.received = 0
        self.under_way: deque[tuple[float, int]] = deque()  # when so many entries had been sent
        self.integration: TrainerCallback | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        if not state.is_world_process_zero:
            return
        with self._unharmed():
            before = self._read().get(self.tracking.tracker)
            if before is not None:
                self.run_id, self.received = before["id"], before["received"]
                # TensorBoard writes at once; the queue of another tracker is lost with its process
                self.sent = before["sent"] if self.tracking.tracker == "tensorboard" else self.received
            args.project, args.run_name = self.tracking.run, self.name
            self.integration = _START[self.tracking.tracker](self, args, state, before is not None)
            self.integration.on_train_begin(args, state, control, **given)
            if self.tracking.tracker == "mlflow":  # which gives ids itself
                import mlflow

                self.run_id = mlflow.active_run().info.run_id
            self._send(args, state, control)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.integration is not None and len(state.log_history) > self.sent:
            with self._unharmed():
                self._send(args, state, control)

    # win rates over the start are no log of the trainer's, but an entry that SelectBest adds
    on_step_end = on_log

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        with self._unharmed():
            if self.integration is not None:
                self.integration.on_train_end(args, state, control, **given)
                if self.tracking.tracker == "wandb":  # transformers leaves it to the end of the process
                    import wandb

                    wandb.finish()
                self._note(all_received=True)

    def _send(self, args: TrainingArguments, state: TrainerState, control: TrainerControl) -> None:
        """Send the entries that were not sent yet, each with its own step, and note their number."""
        assert self.integration is not None
        for entry in state.log_history[self.sent :]:
            values = {name: value for name, value in entry.items() if name != "step" and value is not None}
            if "train_runtime" not in values:  # the closing summary, of this process alone
                at = copy.copy(state)
                at.global_step = int(entry["step"])
                self.integration.on_log(args, at, control, logs=values)
        self.sent = max(self.sent, len(state.log_history))
        self._note()

    def _note(self, *, all_received: bool = False) -> None:
        """Keep, for a training that goes on after a kill, how many entries the tracker has."""
        now = time.monotonic()
        self.under_way.append((now, self.sent))
        while self.under_way and (all_received or self.under_way[0][0] <= now - RECEIVED_AFTER):
            self.received = self.under_way.popleft()[1]
        numbers = {"id": self.run_id, "sent": self.sent, "received": self.received}
        told = self._read() | {self.tracking.tracker: numbers}
        unfinished = self.kept.with_suffix(".partial")
        unfinished.write_text(json.dumps(told), encoding="utf-8")
        unfinished.replace(self.kept)

    def _read(self) -> dict[str, Any]:
        return json.loads(self.kept.read_text(encoding="utf-8")) if self.kept.exists() else {}

    @contextmanager
    def _unharmed(self) -> Iterator[None]:
        """Keep the training as it is whatever the tracker does within the block."""
        states = random.getstate(), np.random.get_state()
        try:
            yield
        except Exception as error:
            self.integration = None
            log.warning(
                "%s gets no more of this training, which goes on: %s: %s",
                self.tracking.tracker,
                type(error).__name__,
                error,
            )
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _tensorboard(
    track: Track, args: TrainingArguments, state: TrainerState, goes_on: bool
) -> TrainerCallback:
    """Event files in the run's folder; those of an earlier training of the same name are removed."""
    from torch.utils.tensorboard import SummaryWriter

    folder = track.tracking.folder / track.name
    if goes_on and folder.exists():
        track.sent = min(track.sent, len(state.log_history))
        return TensorBoardCallback(SummaryWriter(folder, purge_step=state.global_step + 1))
    shutil.rmtree(folder, ignore_errors=True)
    track.sent = 0
    return TensorBoardCallback(SummaryWriter(folder))


def _wandb(track: Track, args: TrainingArguments, state: TrainerState, goes_on: bool) -> TrainerCallback:
    track.tracking.folder.mkdir(parents=True, exist_ok=True)  # else W&B takes a temporary one
    os.environ.update(WANDB_RUN_ID=track.run_id, WANDB_RESUME="allow")
    _propose({"WANDB_PROJECT": track.tracking.run, "WANDB_DIR": track.tracking.folder})
    return WandbCallback()


def _trackio(track: Track, args: TrainingArguments, state: TrainerState, goes_on: bool) -> TrainerCallback:
    args.run_name = f"{track.name}-{track.run_id}"  # trackio resumes by name
    _propose({"TRACKIO_DIR": track.tracking.folder})
    return TrackioCallback()


def _mlflow(track: Track, args: TrainingArguments, state: TrainerState, goes_on: bool) -> TrainerCallback:
    if goes_on:
        os.environ["MLFLOW_RUN_ID"] = track.run_id
    _propose({"MLFLOW_EXPERIMENT_NAME": track.tracking.run})
    return MLflowCallback()


_START: Mapping[str, Callable[[Track, TrainingArguments, TrainerState, bool], TrainerCallback]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "trackio": _trackio,
    "mlflow": _mlflow,
}


def _propose(variables: Mapping[str, str | Path]) -> None:
    """Set variables that the user has not set."""
    for name, value in variables.items():
        os.environ.setdefault(name, str(value))

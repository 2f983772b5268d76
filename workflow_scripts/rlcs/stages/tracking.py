"""The tracker that a run's trainings report to, which the workflow names in its jobs' environment.

It is in no stage's params, config or inputs: another tracker gives the same model, and trains none anew. Jobs
on Slurm read the workflow themselves, so they have the variable too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TRACKING_VARIABLE = "RLCS_TRACKING"
"""Environment variable with the ``Tracking`` of a run, as JSON."""

Tracker = Literal["tensorboard", "wandb", "trackio", "mlflow", "none"]


@dataclass(frozen=True)
class Tracking:
    """The tracker of a run, and where its trainings are found there.

    Attributes:
        run: the run's name: the project of W&B and trackio, and the experiment of MLflow.
        results: folder of the run.
    """

    tracker: Tracker
    run: str
    results: Path

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Tracking | None:
        """Read ``TRACKING_VARIABLE``; None if it is not set, as in a script that no workflow has started."""
        if not (told := environment.get(TRACKING_VARIABLE)):
            return None
        fields = json.loads(told)
        return cls(fields["tracker"], fields["run"], Path(fields["results"]))

    def to_environment(self) -> dict[str, str]:
        told = {"tracker": self.tracker, "run": self.run, "results": str(self.results)}
        return {TRACKING_VARIABLE: json.dumps(told)}

    @property
    def folder(self) -> Path:
        """The folder of what a tracker keeps on this machine."""
        return self.results / "tracking"

    def training_name(self, artifact: Path) -> str:
        """The name of a training, such as ``policies/rlcs/seed1``, from the folder of its artifact."""
        try:
            return artifact.relative_to(self.results).as_posix()
        except ValueError:  # made outside of the run's folder
            return artifact.name

    def how_to_watch(self, programs: Path) -> str:
        """The command that shows the trainings, or their place; empty without a tracker.

        Args:
            programs: folder of TensorBoard's and trackio's commands.
        """
        inside = programs.is_relative_to(Path.cwd())
        shown = programs.relative_to(Path.cwd()) if inside else programs
        return {
            "tensorboard": f"{shown}/tensorboard --logdir {self.folder}",
            "wandb": f"W&B's project {os.environ.get('WANDB_PROJECT', self.run)}",
            "trackio": f"TRACKIO_DIR={os.environ.get('TRACKIO_DIR', self.folder)} "
            f"{shown}/trackio show --project {self.run}",
            "mlflow": f"MLflow's experiment {os.environ.get('MLFLOW_EXPERIMENT_NAME', self.run)}",
            "none": "",
        }[self.tracker]

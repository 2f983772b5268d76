"""What an artifact was made of, through all stages, and what that cost: from the records beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_provenance, read_run

MODELS = ("bases", "judges", "policies")


@dataclass(frozen=True)
class Made:
    """One artifact: its place below the results, what made it and how that went.

    ``seconds`` are those of the attempt that ended well.
    """

    name: str
    stage: str
    seed: int
    manifest: str
    seconds: float
    gpus: tuple[str, ...]
    host: str
    python: str
    commit: str | None

    @property
    def gpu_hours(self) -> float:
        return self.seconds * len(self.gpus) / 3600


def ancestors(results: Path, folders: Iterable[Path]) -> set[Path]:
    """The artifacts in ``folders`` and all in ``results`` that they were made of."""
    by_id = {content_id(path): path.parent for path in results.rglob(MANIFEST_NAME)}
    found: set[Path] = set()
    waiting = list(folders)
    while waiting:
        if (artifact := waiting.pop()) not in found:
            found.add(artifact)
            waiting += [by_id[made] for made in read_provenance(artifact)["inputs"].values() if made in by_id]
    return found


def read_made(results: Path, folders: Iterable[Path]) -> list[Made]:
    """``ancestors`` with their records, by name."""
    return [
        Made(
            name=folder.relative_to(results).as_posix(),
            stage=(made_of := read_provenance(folder))["stage"],
            seed=made_of["seed"],
            manifest=content_id(folder / MANIFEST_NAME),
            seconds=(run := read_run(folder))["seconds"],
            gpus=tuple(run["gpus"]),
            host=run["host"],
            python=run["python"],
            commit=run["commit"],
        )
        for folder in sorted(ancestors(results, folders))
    ]


def duration(seconds: float) -> str:
    """In the two largest units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def model_table(made: Sequence[Made]) -> pd.DataFrame:
    """A row for each model: what trained it, how long that took, and the id of its weights."""
    rows = [
        {
            "model": one.name,
            "stage": one.stage,
            "time": duration(one.seconds),
            "gpu_hours": one.gpu_hours,
            "manifest": one.manifest,
        }
        for kind in MODELS
        for one in made
        if one.name.split("/")[0] == kind
    ]
    return pd.DataFrame(rows, columns=["model", "stage", "time", "gpu_hours", "manifest"], dtype=object)


def stage_table(made: Sequence[Made]) -> pd.DataFrame:
    """A row for each stage, the longest first: how many artifacts it made, and in what time."""
    by_stage: dict[str, list[Made]] = {}
    for one in made:
        by_stage.setdefault(one.stage, []).append(one)
    rows = [
        {
            "stage": stage,
            "artifacts": len(own),
            "time": duration(sum(one.seconds for one in own)),
            "gpu_hours": sum(one.gpu_hours for one in own),
        }
        for stage, own in sorted(by_stage.items(), key=lambda item: -sum(one.seconds for one in item[1]))
    ]
    return pd.DataFrame(rows, dtype=object)


def machine_facts(made: Sequence[Made]) -> dict[str, Any]:
    """Where and from which code all of it was made, and the sum of what it took."""
    seconds, gpu_hours = sum(one.seconds for one in made), sum(one.gpu_hours for one in made)
    return {
        "artifacts": len(made),
        "time of all stages": duration(seconds),
        "GPU hours": f"{gpu_hours:.2f}",
        "GPUs": ", ".join(sorted({gpu for one in made for gpu in one.gpus})) or "none",
        "machines": ", ".join(sorted({one.host for one in made})),
        "commits": ", ".join(sorted({(one.commit or "unknown")[:12] for one in made})),
        "Python": ", ".join(sorted({one.python for one in made})),
    }

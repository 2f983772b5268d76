"""Provenance and cost of an artifact and its ancestors, from the records beside each manifest."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rlcs.data.lost_update import LostUpdate
from rlcs.data.parent_and_child import ParentAndChild
from rlcs.report.progress import format_duration
from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_provenance, read_run

MODELS = ("bases", "judges", "policies")


@dataclass(frozen=True)
class ArtifactRecord:
    """One artifact: the name of its folder below the results, what made it, and the cost.

    ``seconds`` are the wall-clock time of the attempt that succeeded. ``compared`` is of a training that
    publishes the better of parent and child, ``lost`` of one that starts from another model.
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
    compared: ParentAndChild | None = None
    lost: LostUpdate | None = None
    started: str = ""  # ISO 8601, UTC

    @property
    def gpu_hours(self) -> float:
        return self.seconds * len(self.gpus) / 3600


def find_ancestors(results: Path, folders: Iterable[Path]) -> set[Path]:
    """Find the artifacts in ``folders`` and all artifacts in ``results`` that they were made from."""
    by_id = {content_id(path): path.parent for path in results.rglob(MANIFEST_NAME)}
    result: set[Path] = set()
    waiting = list(folders)
    while waiting:
        if (artifact := waiting.pop()) not in result:
            result.add(artifact)
            inputs = read_provenance(artifact)["inputs"].values()
            waiting += [by_id[manifest] for manifest in inputs if manifest in by_id]
    return result


def read_artifacts(results: Path, folders: Iterable[Path]) -> list[ArtifactRecord]:
    """Read the records of ``find_ancestors``, sorted by folder."""
    return [
        ArtifactRecord(
            name=folder.relative_to(results).as_posix(),
            stage=(provenance := read_provenance(folder))["stage"],
            seed=provenance["seed"],
            manifest=content_id(folder / MANIFEST_NAME),
            seconds=(run := read_run(folder))["seconds"],
            gpus=tuple(run["gpus"]),
            host=run["host"],
            python=run["python"],
            commit=run["commit"],
            compared=ParentAndChild.read(folder),
            lost=LostUpdate.read(folder),
            started=run["started"],
        )
        for folder in sorted(find_ancestors(results, folders))
    ]


def tabulate_models(artifacts: Sequence[ArtifactRecord]) -> pd.DataFrame:
    """Tabulate the models: the stage that trained each, its time, and the manifest id of the weights."""
    rows = [
        {
            "model": artifact.name,
            "stage": artifact.stage,
            "published": artifact.compared.published if artifact.compared else None,
            "time": format_duration(artifact.seconds),
            "gpu_hours": artifact.gpu_hours,
            "manifest": artifact.manifest,
        }
        for registry in MODELS
        for artifact in artifacts
        if artifact.name.split("/")[0] == registry
    ]
    return pd.DataFrame(
        rows, columns=["model", "stage", "published", "time", "gpu_hours", "manifest"], dtype=object
    )


def tabulate_stages(artifacts: Sequence[ArtifactRecord]) -> pd.DataFrame:
    """Tabulate the stages, the longest first: how many artifacts each made, and the time of all."""
    by_stage: dict[str, list[ArtifactRecord]] = {}
    for artifact in artifacts:
        by_stage.setdefault(artifact.stage, []).append(artifact)
    rows = [
        {
            "stage": stage,
            "artifacts": len(records),
            "time": format_duration(_seconds(records)),
            "gpu_hours": sum(record.gpu_hours for record in records),
        }
        for stage, records in sorted(by_stage.items(), key=lambda item: -_seconds(item[1]))
    ]
    return pd.DataFrame(rows, dtype=object)


def _seconds(artifacts: Sequence[ArtifactRecord]) -> float:
    return sum(artifact.seconds for artifact in artifacts)


def summarize_machines(artifacts: Sequence[ArtifactRecord]) -> dict[str, Any]:
    """Summarize machines and code of all artifacts, as names and values for the page."""
    return {
        "artifacts": len(artifacts),
        "GPUs": ", ".join(sorted({gpu for artifact in artifacts for gpu in artifact.gpus})) or "none",
        "machines": ", ".join(sorted({artifact.host for artifact in artifacts})),
        "commits": ", ".join(sorted({(artifact.commit or "unknown")[:12] for artifact in artifacts})),
        "Python": ", ".join(sorted({artifact.python for artifact in artifacts})),
    }


def summarize_cost(artifacts: Sequence[ArtifactRecord], answers: Path) -> dict[str, Any]:
    """Summarize what the run took: time, GPU hours, and the answers of endpoints, as names and values.

    Attempts that failed are not counted, since they leave no record. Costs are in the currency of the
    configured prices, and 0 without prices.

    Args:
        artifacts: one at least.
        answers: the folder with a folder of stored answers for each entry.
    """
    stages = sorted(tabulate_stages(artifacts).to_dict("records"), key=lambda row: -row["gpu_hours"])
    dear = [f"{row['stage']} {row['gpu_hours']:.1f}" for row in stages[:3] if row["gpu_hours"]]
    longest = max(artifacts, key=lambda artifact: artifact.seconds)
    facts = {
        "time of all stages": format_duration(_seconds(artifacts)),
        "longest stage": f"{longest.name}, {format_duration(longest.seconds)}",
        "GPU hours": f"{sum(artifact.gpu_hours for artifact in artifacts):.2f}"
        + (f" ({', '.join(dear)})" if dear else ""),
    }
    paid = read_paid_answers(answers)
    for name, (count, tokens, cost) in paid.items():
        facts[f"endpoint of {name}"] = f"{count:,} answers, {tokens:,} tokens, cost {cost:,.2f}"
    if len(paid) > 1:
        facts["endpoints together"] = f"cost {sum(cost for _, _, cost in paid.values()):,.2f}"
    return facts


def read_paid_answers(folder: Path) -> dict[str, tuple[int, int, float]]:
    """Read the number, tokens and cost of the answers that endpoints gave, by entry (``AnswerStore``)."""
    paid: dict[str, tuple[int, int, float]] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        name = "/".join(path.relative_to(folder).parts[:-1])
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                answer = json.loads(line)
            except ValueError:  # a torn line, which the store asks for again
                continue
            if not isinstance(answer, Mapping):
                continue
            count, tokens, cost = paid.get(name, (0, 0, 0.0))
            used = answer.get("prompt_tokens", 0) + answer.get("completion_tokens", 0)
            paid[name] = (count + 1, tokens + used, cost + float(answer.get("cost") or 0))
    return paid

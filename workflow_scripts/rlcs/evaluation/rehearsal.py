"""Checks of a rehearsal's results, and its table: what ran, what differs that must, what could not be tried.

A job that ends well may still have done nothing. So trained weights must differ from those that they started
from, policies must write different stories, judges must answer, and tables must have numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file

from rlcs.data.artifacts import HISTORY_FILE, JUDGEMENTS_FILE, STORIES_FILE
from rlcs.data.parent_and_child import ParentAndChild
from rlcs.planning.answer_plan import AnswerPlan
from rlcs.planning.gpu_plan import Plan
from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_manifest, read_provenance, read_run

WEIGHTS = Path("model") / "model.safetensors"

_IF_STAND_IN = (
    "If they are lines of scores with a slip, the stand-in has learned too little, and your run is not at "
    "fault: raise steps of its base in the rehearsal's config/run.yaml, and make that run again"
)


def find_problems(results: Path, trained: Iterable[str]) -> list[str]:
    """Find what a rehearsal's artifacts should not be, a sentence each.

    Args:
        results: folder of the run.
        trained: names of policies whose stories must differ from those of all others.
    """
    return [
        *_unmoved(results),
        *_constant_rewards(results),
        *_equal_stories(results, frozenset(trained)),
        *_silent_judges(results),
        *_empty_tables(results),
    ]


def _artifacts(results: Path, *patterns: str) -> Iterator[Path]:
    for pattern in patterns:
        for manifest in sorted(results.glob(f"{pattern}/{MANIFEST_NAME}")):
            yield manifest.parent


def _unmoved(results: Path) -> Iterator[str]:
    """Models whose training changed no weight."""
    models = list(_artifacts(results, "bases/*", "judges/*/seed*", "policies/*/seed*"))
    ids = {model: content_id(model / MANIFEST_NAME) for model in models}
    for artifact in models:
        provenance = read_provenance(artifact)
        inputs = provenance["inputs"]
        if "probe" in (provenance.get("config", {}).get("judge", {}).get("train") or ()):
            continue  # a probe is a head on weights that stay as they are
        parent = inputs.get("model") or inputs.get("base")
        start = next((model for model in models if ids[model] == parent and model != artifact), None)
        compared = ParentAndChild.read(artifact)
        if start is None or (compared is not None and compared.published == "parent"):
            continue
        if not ((artifact / WEIGHTS).exists() and (start / WEIGHTS).exists()):
            continue
        before, after = load_file(start / WEIGHTS), load_file(artifact / WEIGHTS)
        common = before.keys() & after.keys()
        if all(torch.equal(before[name].float(), after[name].float()) for name in common):
            yield (
                f"{artifact.relative_to(results)}: its training changed none of the {len(common)} weights of "
                f"{start.relative_to(results)}"
            )


def _constant_rewards(results: Path) -> Iterator[str]:
    """Trainings by GRPO that never had a group with different rewards, and so learned nothing."""
    for artifact in _artifacts(results, "judges/*/seed*", "policies/*/seed*"):
        if not (artifact / HISTORY_FILE.name).exists():
            continue
        rows = [row for row in HISTORY_FILE.read(artifact) if row["metric"] == "frac_reward_zero_std"]
        if rows and all(row["value"] == 1 for row in rows):
            yield (
                f"{artifact.relative_to(results)}: in all {len(rows)} logged steps every group had one "
                "reward, so that nothing was learned"
            )


def _equal_stories(results: Path, trained: frozenset[str]) -> Iterator[str]:
    """Policies that wrote the same stories to all contexts, if not each has read weights of its own.

    Weights that differ little draw the same few stories.
    """
    written: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    for artifact in _artifacts(results, "stories/*/seed*"):
        written[tuple(row["text"] for row in STORIES_FILE.read(artifact))].append(artifact)
    for stories, artifacts in written.items():
        policies = [artifact.parent.name for artifact in artifacts]
        weights = {_own_weights(results, artifact) for artifact in artifacts}
        if trained & set(policies) and (None in weights or len(weights) < len(policies)):
            yield f"{', '.join(policies)}: wrote the same {len(stories)} stories"


def _own_weights(results: Path, stories: Path) -> str | None:
    """Hash of the weights that wrote stories; None if they are not those of the stories' own policy."""
    read = read_provenance(stories)["inputs"].get("model")
    manifest = results / "policies" / stories.parent.name / stories.name / MANIFEST_NAME
    if not manifest.exists():
        return read  # of a base
    own: str = read_manifest(manifest)["files"][WEIGHTS.as_posix()]["sha256"]
    return own if content_id(manifest) == read else None


def _silent_judges(results: Path) -> Iterator[str]:
    """Judges none of whose answers could be read."""
    for artifact in _artifacts(results, "alignment/*/seed*", "benchmark_judgements/*/*/seed*", "teachers/*"):
        judgements = JUDGEMENTS_FILE.read(artifact)
        if judgements and all(judgement.verdict == "none" for judgement in judgements):
            yield (
                f"{artifact.relative_to(results)}: none of {len(judgements)} answers could be read. "
                f"{artifact / JUDGEMENTS_FILE.name} has them (raw). {_IF_STAND_IN}"
            )


def _empty_tables(results: Path) -> Iterator[str]:
    """Tables without a number."""
    for path in sorted(results.glob("tables/*/*.csv")):
        frame = pd.read_csv(path)
        if frame.empty or frame.select_dtypes("number").isna().all(axis=None):
            yield f"{path.relative_to(results)}: has no number"


def stage_table(results: Path) -> pd.DataFrame:
    """Tabulate the jobs that ran by stage: how many, and their seconds, the longest first."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for manifest in results.rglob(MANIFEST_NAME):
        seconds[read_provenance(manifest.parent)["stage"]].append(read_run(manifest.parent)["seconds"])
    rows = [
        {"stage": stage, "jobs": len(of_stage), "seconds a job": round(sum(of_stage) / len(of_stage), 1)}
        for stage, of_stage in sorted(seconds.items(), key=lambda item: -sum(item[1]))
    ]
    return pd.DataFrame(rows, columns=["stage", "jobs", "seconds a job"])


def at_scale(artifact: str, made: Iterable[str], jobs: Mapping[str, Plan | AnswerPlan]) -> str:
    """Describe a failed job as it is at scale, and what would have been spent before it.

    Args:
        artifact: what the job should have made, as ``alignment/bt/seed1``.
        made: what other jobs had made before.
        jobs: the planned jobs of the large run, by the first two parts of what they make.
    """
    spent = {part for path in made if (part := _model_of(path)) in jobs}
    hours = sum(jobs[part].gpu_hours for part in spent)
    before = f"{len(spent)} planned jobs ended before it, of {hours:,.0f} GPU hours with one seed"
    job = jobs.get(_model_of(artifact))
    return f"At scale: {f'{job}. ' if job else ''}{before}."


def _model_of(artifact: str) -> str:
    return "/".join(artifact.split("/")[:2])


def artifacts_made(results: Path) -> list[str]:
    """Paths of a run's artifacts."""
    return [str(manifest.parent.relative_to(results)) for manifest in results.rglob(MANIFEST_NAME)]


def to_page(
    title: str,
    stages: pd.DataFrame,
    replaced: Mapping[str, str],
    unrehearsed: Sequence[str],
    problems: Sequence[str],
    failure: str | None,
) -> str:
    """Write the rehearsal's page in Markdown.

    Args:
        replaced: what stands in, by the part that it replaces.
        failure: the first job that failed, with its message; None if all ended well.
    """
    found = [*([failure] if failure else []), *problems]
    parts = [
        f"# {title}",
        "Nothing was found." if not found else "\n".join(f"- {problem}" for problem in found),
        "## What ran",
        stages.to_markdown(index=False),
        "## What was replaced",
        pd.DataFrame(replaced.items(), columns=["part", "in its place"]).to_markdown(index=False),
        "## What cannot be rehearsed here",
        "\n".join(f"- {part}" for part in unrehearsed),
    ]
    return "\n\n".join(parts) + "\n"

"""Disk space that a run takes: bases, published models, checkpoints of trainings.

Weights are nearly all of it; stories, judgements and tables are left out. Exports are hard links to the
published models. Checkpoints are removed when their model is published.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.lineage import trained_models, training_seeds
from rlcs.config.schema import Config
from rlcs.config.training import TrainedConfig
from rlcs.planning import gpu_memory
from rlcs.planning.gpu_plan import GB, base_bytes, gpu_models, shape_of, weight_bytes

KEPT_CHECKPOINTS = 2  # save_total_limit where a config says nothing (training/options.py)


@dataclass(frozen=True)
class ModelDisk:
    """Bytes of a model in each of its ``seeds``: as published, and of its training's checkpoints."""

    key: str
    published: float
    checkpoints: float = 0.0
    seeds: int = 1


def disk_of_models(config: Config) -> list[ModelDisk]:
    """The bases and the trained models of a run whose shapes are known."""
    found = []
    for name in trained_models(config, "bases"):
        base = config.bases[name]
        if isinstance(base, PretrainedBaseConfig) and (shape := shape_of(base)) is not None:
            found.append(ModelDisk(f"bases.{name}", base_bytes(base) * gpu_memory.parameters(shape)))
    models = {(model.registry, model.name): model for model in gpu_models(config)}
    for registry in ("judges", "policies"):
        for name in trained_models(config, registry):
            model = models.get((registry, name))
            entry = config.models(registry)[name]
            if model is None or not isinstance(entry, TrainedConfig):
                continue
            if (shape := shape_of(model.base)) is None:
                continue
            total = gpu_memory.parameters(shape)
            trained = gpu_memory.lora_parameters(shape, entry.lora.r) if entry.lora else total
            adapter = gpu_memory.FP32 * trained if entry.lora else 0
            options = {**config.training, **entry.training}
            kept = int(options.get("save_total_limit") or KEPT_CHECKPOINTS) + 1  # the next, before one goes
            found.append(
                ModelDisk(
                    f"{registry}.{name}",
                    weight_bytes(config, registry, name) * total + adapter,
                    kept * 3 * gpu_memory.FP32 * trained,  # weights and AdamW's two moments
                    len(training_seeds(config, registry, name)),
                )
            )
    return found


def published_total(models: Iterable[ModelDisk]) -> float:
    return sum(model.published * model.seeds for model in models)


def disk_lines(models: Sequence[ModelDisk]) -> list[str]:
    """The line ``disk`` of the plan, and a line for each size of a published model."""
    if not models:
        return []
    checkpoints = [model.checkpoints for model in models]
    by_size: dict[float, list[str]] = {}
    for model in models:
        seeds = f" x {model.seeds}" if model.seeds > 1 else ""
        by_size.setdefault(round(model.published / GB, 1), []).append(f"{model.key}{seeds}")
    return [
        f"{published_total(models) / GB:,.0f} GB of models, exports by hard links; checkpoints of a training "
        f"that runs up to {max(checkpoints) / GB:,.1f} GB, of all at once "
        f"{sum(model.checkpoints * model.seeds for model in models) / GB:,.0f} GB",
        *(
            f"{size:,.1f} GB each: {', '.join(names)}"
            for size, names in sorted(by_size.items(), reverse=True)
        ),
    ]


def disk_problem(models: Sequence[ModelDisk], results: Path) -> str | None:
    """Say that the file system of the results cannot hold a run's models; None if it can.

    Args:
        results: the run's folder; what is there of its models already needs no more space.
    """
    made = sum(folder_bytes(results / name) for name in ("bases", "judges", "policies"))
    needed = max(published_total(models) - made, 0)
    here = next(folder for folder in [results.absolute(), *results.absolute().parents] if folder.exists())
    free = shutil.disk_usage(here).free
    if needed <= free:
        return None
    return (
        f"disk: the run's models need {needed / GB:,.0f} GB more, and {here} has {free / GB:,.0f} GB free: "
        "make room, put results/ on another file system by a link, or train fewer entries and seeds"
    )


def folder_bytes(folder: Path | str, *, follow: bool = False) -> int:
    """Bytes of all files in a folder; 0 if it is not there. ``follow``: count what links to files lead to."""
    return sum(
        path.stat(follow_symlinks=follow).st_size for path in Path(folder).rglob("*") if path.is_file()
    )

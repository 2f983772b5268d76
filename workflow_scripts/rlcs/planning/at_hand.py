"""The needs of a run on this machine: files, keys, models, a GPU; found without loading torch.

``snakemake check`` asks for everything, and the start of a local run for what its jobs need.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rlcs.config.bases import PretrainedBaseConfig, StandInBaseConfig, is_path
from rlcs.config.lineage import made_policies, used_judges
from rlcs.config.policies import ExternalPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.training import TrainedConfig
from rlcs.config.untrained_judges import RecordedTeacherConfig
from rlcs.config.world import WorldBaseConfig
from rlcs.planning.findings import Finding
from rlcs.planning.hub_inputs import HubModel, hub_models
from rlcs.planning.trackers import tracker_problem
from rlcs.stages.gpus import may_have_gpu

# The wildcards of rules that name an entry, with its registry.
_WILDCARDS = {"base": "bases", "judge": "judges", "teacher": "judges", "policy": "policies"}
_TRAINING = "train_"  # how the names of the rules of trainings begin
_BASE = "prepare_base"  # the rule that brings or trains a base


def named_files(config: Config) -> Iterator[tuple[str, Path]]:
    """The files and folders that the config names for jobs of the run, by their keys."""
    for key, source in config.sources.items():
        for path in source.preferences or []:
            yield f"{key}.preferences", path
    for path in config.data.contexts:
        yield "data.contexts", path
    for name in used_judges(config):
        if isinstance(judge := config.judges[name], RecordedTeacherConfig):
            yield f"judges.{name}.chains", judge.chains
    for name in made_policies(config):
        if isinstance(policy := config.policies[name], ExternalPolicyConfig):
            yield f"policies.{name}.stories", policy.stories
    if config.tables.ifeval and config.tables.ifeval.prompts:
        yield "tables.ifeval.prompts", config.tables.ifeval.prompts
    for path in config.human.annotations if config.human else ():
        yield "human.annotations", path


def missing_files(config: Config) -> list[str]:
    """List a line for each file that the config names, and each folder of a base, that is not there.

    A base's model is a folder if it begins as a path does; a hub's id does not. The launch files of
    trainings are read with their options.
    """
    lines = [
        f"{key}: no such file: {path}" for key, path in named_files(config) if not path.expanduser().exists()
    ]
    for key, source in config.sources.items():
        for path in source.preferences or []:
            if path.is_dir() and not any(path in file.parents for file in source.input_files):
                lines.append(f"{key}.preferences: no file of pairs in the folder {path}")
    for name, base in config.bases.items():
        if isinstance(base, StandInBaseConfig):
            base = base.of
        if not isinstance(base, PretrainedBaseConfig):
            continue
        if is_path(base.model) and not Path(base.model).is_dir():
            lines.append(f"bases.{name}.model: no such folder: {base.model}")
    return lines


def cached_folder(name: str, revision: str | None, kind: str = "model") -> Path | None:
    """Folder of a repository in the hub's cache; None if it is not there.

    Args:
        kind: model or dataset.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, repo_type=kind, local_files_only=True))
    except (OSError, ValueError):
        return None


def cached_model(model: HubModel) -> Path | None:
    """Folder of a model in the hub's cache, if its config and weights are there; else None."""
    folder = cached_folder(model.name, model.revision)
    if folder is None:
        return None
    whole = all(any(folder.glob(pattern)) for pattern in (model.files[0], "*.json"))
    return folder if whole else None


def uses_gpu(config: Config, key: str) -> bool:
    """True if a training cannot run without a GPU: TRL's bf16, which is its default, or fp16, off the CPU.

    Args:
        key: ``registry.name`` of an entry, which need not be trained.
    """
    registry, _, name = key.partition(".")
    entry = getattr(config, registry)[name]
    if not isinstance(entry, TrainedConfig | WorldBaseConfig) or getattr(entry, "train", None) in _PROBES:
        return False
    options = {**config.training, **entry.training}
    launch = entry.launch if isinstance(entry, TrainedConfig) else None
    launched = yaml.safe_load(launch.read_text(encoding="utf-8")) if launch and launch.is_file() else {}
    if options.get("use_cpu") or launched.get("use_cpu"):
        return False
    return bool(options.get("fp16") or options.get("bf16", True))


_PROBES = ("probe", ["probe"])  # a scalar judge that no trainer of TRL makes


def no_gpu(keys: Sequence[str]) -> str:
    """Say that trainings need a GPU and that this machine has none."""
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return (
        f"this machine has no GPU, and {', '.join(keys[:3])}{more} would compute in bf16, TRL's default: run "
        "them where a GPU is, or set training: {use_cpu: true, bf16: false}"
    )


def unset_variables(sections: Iterable[object]) -> set[str]:
    """The environment variables that sections of endpoints name for keys, and that are not set."""
    found: set[str] = set()
    for section in sections:
        if isinstance(section, Mapping):
            found |= unset_variables(section.values())
            name = section.get("api_key_env")
            if isinstance(name, str) and not os.environ.get(name):
                found.add(name)
    return found


def start_problems(
    config: Config, jobs: Iterable[tuple[str, Mapping[str, str], Mapping[str, Any]]]
) -> list[Finding]:
    """List what the jobs of a local run need and this machine lacks.

    Args:
        jobs: that will run: the name of the rule, its wildcards, and its endpoints' addresses by any names.
    """
    lines = [line for line in missing_files(config) if line.startswith("bases.")]
    found = [Finding.of_line("error", line) for line in lines]
    uncached = {} if _may_ask_hub() else {model.key: model for model in hub_models(config)[0]}
    on_gpu: list[str] = []
    trains = False
    for rule, wildcards, endpoints in jobs:
        trains = trains or rule.startswith(_TRAINING)
        keys = [f"{_WILDCARDS[name]}.{value}" for name, value in wildcards.items() if name in _WILDCARDS]
        for variable in sorted(unset_variables([endpoints])):
            said = f"the environment variable {variable}, named by api_key_env, is not set"
            found.append(Finding("error", keys[0] if keys else rule, said))
        if rule == _BASE or rule.startswith(_TRAINING):
            on_gpu += [key for key in keys if uses_gpu(config, key)]
        for key in keys:
            if rule == _BASE and key in uncached and cached_model(uncached[key]) is None:
                said = (
                    f"{uncached[key].name} is not in the hub's cache, and HF_HUB_OFFLINE forbids to fetch it"
                )
                found.append(Finding("error", key, said))
    if trains and (problem := tracker_problem(config.tracking)) is not None:
        found.append(Finding("error", "tracking", problem))
    if on_gpu and not may_have_gpu():
        found.append(Finding("error", "gpu", no_gpu(sorted(set(on_gpu)))))
    return list(dict.fromkeys(found))


def _may_ask_hub() -> bool:
    from huggingface_hub import constants

    return not constants.HF_HUB_OFFLINE

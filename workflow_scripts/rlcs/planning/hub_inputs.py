"""The models and data sets of a run that come from a hub, for nodes without a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rlcs.config.bases import PretrainedBaseConfig, is_path
from rlcs.config.lineage import trained_models
from rlcs.config.schema import Config
from rlcs.config.sources import HubDatasetConfig
from rlcs.planning.stage_configs import used_verifiers

# What models.loading reads: safetensors, configs, tokenizers, chat templates.
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")
# The same weights a second time, as some repositories have them.
OTHER_FILES = ("consolidated*", "original/*", "onnx/*")


@dataclass(frozen=True)
class HubModel:
    """A repository of a model, and the patterns of the files that the run reads."""

    key: str
    name: str
    revision: str | None
    files: tuple[str, ...]


@dataclass(frozen=True)
class PackagedModel:
    """A base in a Python package, which no hub's cache keeps."""

    key: str
    package: str


def used_bases(config: Config) -> list[str]:
    """The bases of all models that a run trains or asks, verifiers among them."""
    read = [config.verifiers[name].base_name for name in used_verifiers(config)]
    return list(dict.fromkeys([*trained_models(config, "bases"), *(base for base in read if base)]))


def hub_datasets(config: Config) -> dict[str, HubDatasetConfig]:
    """The data sets that come from a hub, by the key that names them."""
    ifeval = config.tables.ifeval
    named = {f"{key}.hub": source.hub for key, source in config.sources.items()}
    named["tables.ifeval.hub"] = ifeval.hub if ifeval else None
    return {key: hub for key, hub in named.items() if hub is not None}


def hub_models(config: Config) -> tuple[list[HubModel], list[PackagedModel]]:
    """The bases that come from a hub, and those that come in a package; folders are there already."""
    models, packaged = [], []
    for name in used_bases(config):
        base = config.bases[name]
        if not isinstance(base, PretrainedBaseConfig):
            continue
        if base.package is not None:
            packaged.append(PackagedModel(f"bases.{name}", base.package))
        elif not Path(base.model).is_dir() and not is_path(base.model):
            weights = (base.gguf_file,) if base.gguf_file else MODEL_FILES[:1]
            models.append(HubModel(f"bases.{name}", base.model, base.revision, (*weights, *MODEL_FILES[1:])))
    return models, packaged

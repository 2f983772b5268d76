"""The origins of a model, as its card tells a hub: id and license of its base, and its data sets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.schema import Config

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_SNAPSHOT = re.compile(r"models--(.+)--(.+)/snapshots/[^/]+")
_LICENSE_KEYS = ("license", "license_name", "license_link")


def hub_id(base: object) -> str | None:
    """The id of a base on its hub; None if it is made here, comes in a package, or does not say.

    A folder says so by its place in the hub's cache, or by the model that its config.json was loaded from.
    """
    if not isinstance(base, PretrainedBaseConfig) or base.package is not None:
        return None
    folder = Path(base.model).expanduser()
    if not folder.is_dir():
        return base.model if _HUB_ID.fullmatch(base.model) else None
    if (place := _SNAPSHOT.search(folder.resolve().as_posix())) is not None:
        return f"{place[1]}/{place[2]}"
    loaded_from = _read_config(folder).get("_name_or_path")
    if not isinstance(loaded_from, str) or not _HUB_ID.fullmatch(loaded_from):
        return None
    return None if Path(loaded_from).is_dir() else loaded_from


def license_of(config: Config, name: str) -> dict[str, str]:
    """The license of a base, in the keys of a card: the config's, else that of its README, else none."""
    if name in config.sharing.licenses:
        return {"license": config.sharing.licenses[name]}
    base = config.bases[name]
    readme = _readme(base) if isinstance(base, PretrainedBaseConfig) and base.package is None else None
    if readme is None:
        return {}
    from huggingface_hub import ModelCard  # here: most plans need no card

    stated = ModelCard.load(readme, ignore_metadata_errors=True).data.to_dict()
    return {key: stated[key] for key in _LICENSE_KEYS if isinstance(stated.get(key), str)}


def dataset_ids(config: Config) -> list[str]:
    """The data sets of a hub that the run's preferences are read from; none if they are files."""
    hub = config.data.hub
    return [hub.name] if hub is not None and not Path(hub.name).exists() else []


def _readme(base: PretrainedBaseConfig) -> Path | None:
    folder = Path(base.model).expanduser()
    if folder.is_dir():
        return readme if (readme := folder / "README.md").is_file() else None
    if not _HUB_ID.fullmatch(base.model):
        return None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(base.model, "README.md", revision=base.revision)
    return Path(cached) if isinstance(cached, str) else None


def _read_config(folder: Path) -> Mapping[str, Any]:
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a folder with a GGUF file alone; the base's stage says what is wrong
        return {}
    return values if isinstance(values, Mapping) else {}

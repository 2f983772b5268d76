"""The models that a run trains: those that its tables compare, and all that these come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.section import ModelConfig, Section
from rlcs.config.tables import METRICS
from rlcs.config.training import TrainedConfig

if TYPE_CHECKING:
    from rlcs.config.schema import Config


def trained_models(config: Config, registry: str) -> list[str]:
    """List names of a registry, parents before children, in the order in which tables name them.

    Args:
        registry: judges or policies, of which those are left out that no training makes; or bases.
    """
    policies = _with_parents(config, "policies", _compared(config, "policies"))
    rewarding = [
        judge
        for name in policies
        if isinstance(policy := config.policies[name], GRPOPolicyConfig)
        for judge in policy.judges
    ]
    judges = _with_parents(config, "judges", [*_compared(config, "judges"), *rewarding])
    if registry == "bases":
        models = [config.judges[name] for name in judges] + [config.policies[name] for name in policies]
        return list(dict.fromkeys(model.base_name for model in models if model.base_name is not None))
    names = {"judges": judges, "policies": policies}[registry]
    return [name for name in names if isinstance(config.models(registry)[name], TrainedConfig)]


def _compared(config: Config, registry: str) -> list[str]:
    """Names in the rows of tables, and systems of effects."""
    tables = config.tables
    if registry == "policies":
        shown = (tables.win_rates, tables.constraints, tables.gains, tables.ifeval)
        names = [name for table in shown if table is not None for name in table.rows]
    else:
        names = [*tables.alignment.rows, *tables.win_rates.judges]
    effects = [effect for effect in config.effects if METRICS[effect.metric].registry == registry]
    return names + [name for effect in effects for name in effect.systems]


def _with_parents(config: Config, registry: str, names: Iterable[str]) -> list[str]:
    models = config.models(registry)
    ancestors = [ancestor for name in names for ancestor in reversed(lineage(models, name))]
    return list(dict.fromkeys(ancestors))


def lineage(models: Mapping[str, ModelConfig], name: str) -> list[str]:
    """A model and its parents; ends with the first name that comes twice."""
    names = [name]
    while (model := models.get(names[-1])) is not None and (parent := model.parent_name) is not None:
        names.append(parent)
        if parent in names[:-1]:
            break
    return names


def number_at(config: Config, registry: str, name: str, key: str) -> float | None:
    """The number at a dotted key of an entry; None if the entry states none there.

    Args:
        key: if it begins with ``base.``, the rest is a key of the base that the entry comes from.
    """
    models = config.models(registry)
    section: Section | None = models[name]
    if key.startswith("base."):
        section = config.bases.get(models[lineage(models, name)[-1]].base_name or "")
        key = key.removeprefix("base.")
    value: Any = section.model_dump(by_alias=True) if section is not None else None
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None

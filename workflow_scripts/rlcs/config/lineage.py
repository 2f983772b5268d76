"""The models that a run trains: those that its tables need, and all that these come from and learn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rlcs.config.policies import BestOfPolicyConfig, GRPOPolicyConfig
from rlcs.config.section import ModelConfig, Section
from rlcs.config.tables import METRICS
from rlcs.config.training import LearnedConfig

if TYPE_CHECKING:
    from rlcs.config.schema import Config


def used_judges(config: Config) -> list[str]:
    """List the judges of a run, trained or not, sources before what comes from them."""
    return _with_teachers(config, [*_judges(config), *_asked_once(config)])


def trained_models(config: Config, registry: str) -> list[str]:
    """List names of a registry, sources before what comes from them, in the order in which tables name them.

    Args:
        registry: judges or policies, of which those are left out that no training makes; or bases.
    """
    policies, judges = made_policies(config), used_judges(config)
    if registry == "bases":
        models = [config.judges[name] for name in judges] + [config.policies[name] for name in policies]
        return list(dict.fromkeys(model.base_name for model in models if model.base_name is not None))
    names = {"judges": judges, "policies": policies}[registry]
    return [name for name in names if isinstance(config.models(registry)[name], LearnedConfig)]


def training_seeds(config: Config, registry: str, name: str) -> list[int]:
    """The seeds of a model's training: the first alone for a judge that only teaches, which answers once."""
    every_seed = {"judges": _judges, "policies": made_policies}[registry](config)
    return config.seeds if name in every_seed else config.seeds[:1]


def learns_from(config: Config, judge: Any) -> list[str]:
    """The judges that must be trained, or must have answered, before a judge is trained."""
    names = [getattr(judge, "parent", None), getattr(judge, "teacher", None)]
    for source in getattr(judge, "label_sources", ()):
        names += config.consensus[source].teachers if source in config.consensus else []
    return [name for name in names if name is not None]


def made_policies(config: Config) -> list[str]:
    """The policies in the rows of tables and in effects, and their parents, which come first."""
    tables = config.tables
    shown = (tables.win_rates, tables.constraints, tables.gains, tables.ifeval)
    names = [name for table in shown if table is not None for name in table.rows]
    names += [tables.pivots.policy] if tables.pivots else []
    return _with_parents(config.policies, names + _of_effects(config, "policies"))


def _judges(config: Config) -> list[str]:
    """The judges that answer for every seed, in tables and effects or to policies, and their parents."""
    tables = config.tables
    asked = [table.judges for table in (tables.injections, tables.pivots) if table is not None]
    asked.append(config.benchmark_judges)
    names = [*tables.alignment.rows, *tables.win_rates.judges, *(name for judges in asked for name in judges)]
    names += _of_effects(config, "judges")
    for policy in made_policies(config):
        entry = config.policies[policy]
        if isinstance(entry, GRPOPolicyConfig):
            names += entry.judges
        elif isinstance(entry, BestOfPolicyConfig):
            names.append(entry.best_of.judge)
    return _with_parents(config.judges, names)


def _asked_once(config: Config) -> list[str]:
    """The judges that answer once, for the tables of consensus labels and of effects."""
    teachers = [name for consensus in config.consensus.values() for name in consensus.teachers]
    return teachers + _of_effects(config, "judges", trained=False)


def _of_effects(config: Config, registry: str, *, trained: bool = True) -> list[str]:
    """The systems of the effects whose metric is of a registry, and whose seeds train them or do not."""
    chosen = [metric for metric, of in METRICS.items() if (of.registry, of.trained) == (registry, trained)]
    return [name for effect in config.effects if effect.metric in chosen for name in effect.systems]


def _with_parents(models: Mapping[str, ModelConfig], names: Iterable[str]) -> list[str]:
    ancestors = [ancestor for name in names for ancestor in reversed(lineage(models, name))]
    return list(dict.fromkeys(ancestors))


def _with_teachers(config: Config, names: Iterable[str]) -> list[str]:
    """Judges and all that they learn from, which come first."""
    found: dict[str, None] = {}
    for name in names:
        if name not in found:
            found |= dict.fromkeys(_with_teachers(config, learns_from(config, config.judges[name])))
            found[name] = None
    return list(found)


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

"""The part of the config that each table, figure and page depends on, as in ``stage_configs``."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rlcs.config.bases import BaseConfig, StandInBaseConfig, is_path
from rlcs.config.judges import JudgeConfig
from rlcs.config.lineage import lineage, made_policies, number_at, trained_models
from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.sweeps import SweepConfig
from rlcs.config.tables import MetricName
from rlcs.config.trained_judges import GenrmGRPOConfig, ScalarJudgeConfig
from rlcs.config.training import TrainedConfig, TrainingPairsConfig
from rlcs.config.untrained_judges import EndpointJudgeConfig, GenerativeJudgeConfig, UntrainedJudgeConfig
from rlcs.config.world import WorldBaseConfig
from rlcs.models.packages import installed_folder
from rlcs.planning.job_resources import SERVER_ADDRESS
from rlcs.planning.origins import dataset_ids, hub_id, license_of
from rlcs.planning.plugin_files import plugin_hashes, plugins_of
from rlcs.planning.stage_configs import INPUTS, SectionDict, gated_judges, is_rule, own_judges, plain, writes
from rlcs.planning.stage_configs import judge as judge_section

# Metrics of effects that are measured on held-out pairs.
JUDGE_METRICS: tuple[MetricName, ...] = (
    "accuracy_both_orders",
    "accuracy_both_orders_difference",
    "accuracy_difference",
    "flip_rate",
)


def consensus(config: Config) -> SectionDict:
    teachers = dict.fromkeys(name for entry in config.consensus.values() for name in entry.teachers)
    return {"sources": list(config.consensus), "teachers": list(teachers), "synthetic": config.synthetic}


def pivots(config: Config) -> SectionDict:
    return {"judges": list(config.tables.pivots.judges)} if config.tables.pivots else {}


def gates(config: Config) -> SectionDict:
    judges = [judge for policy in made_policies(config) for judge in gated_judges(config, policy)]
    return {"judges": list(dict.fromkeys(judges)), "synthetic": config.synthetic}


def alignment(config: Config) -> SectionDict:
    rows = config.tables.alignment.rows
    return {
        "rows": list(config.tables.alignment.rows),
        "reward_model": next(
            (row for row in rows if isinstance(config.judges[row], ScalarJudgeConfig)), None
        ),
        "calls": {
            row: answers_per_comparison(config.judges[row]) for row in rows if writes(config.judges[row])
        },
        "paper": config.paper.get("alignment", {}),
        "synthetic": config.synthetic,
        **({"trained_on": transfers} if (transfers := trained_on(config)) else {}),
    }


def trained_on(config: Config) -> dict[str, dict[str, str]]:
    """The domains, and the cohorts, that each judge of the alignment table was trained on.

    Nothing is stated of domains if no judge chooses some, and likewise of cohorts. Of the steps of a
    training, the last one that chooses counts.
    """
    found: dict[str, dict[str, str]] = {}
    for key, group in (("domains", "domain"), ("cohorts", "cohort")):
        chosen = {}
        for row in config.tables.alignment.rows:
            steps = [config.judges[name] for name in lineage(config.judges, row)]
            if any(isinstance(step, TrainingPairsConfig) for step in steps):
                named = next((names for step in steps if (names := getattr(step, key, None))), None)
                chosen[row] = ", ".join(named) if named else "all"
        if set(chosen.values()) - {"all"}:
            found[group] = chosen
    return found


def benchmarks(config: Config) -> SectionDict:
    """The judges and, in the table's order, what each benchmark measures."""
    return {
        "rows": config.benchmark_judges,
        "benchmarks": [
            {"name": name, "metric": entry.measured, "preset": entry.preset, "licence": entry.stated_licence}
            for name, entry in config.benchmarks.items()
        ],
        "synthetic": config.synthetic,
    }


def answers_per_comparison(judge: JudgeConfig) -> int:
    """Answers of a judge to each comparison."""
    return judge.votes if isinstance(judge, UntrainedJudgeConfig | EndpointJudgeConfig) else 1


def injections(config: Config) -> SectionDict:
    table = config.tables.injections
    assert table is not None, "a stage of a table that the run does not have"
    return {"judges": list(table.judges), "synthetic": config.synthetic}


def effects(config: Config) -> SectionDict:
    return {
        "effects": [plain(effect) for effect in config.effects],
        "judges": effect_systems(config, *JUDGE_METRICS),
        "teachers": effect_systems(config, "chain_correctness"),
        "match_judge": config.tables.win_rates.first_judge if effect_systems(config, "win_rate") else None,
        "probability": config.tables.win_rates.probability,
        "synthetic": config.synthetic,
    }


def effect_systems(config: Config, *metrics: str) -> list[str]:
    """The systems of all effects that are measured by some metrics, each once."""
    chosen = [effect.systems for effect in config.effects if effect.metric in metrics]
    return list(dict.fromkeys(name for systems in chosen for name in systems))


def gains(config: Config) -> SectionDict:
    rows = config.tables.gains.rows if config.tables.gains else []
    judge_of = [  # in the config's order, which keys of a params' dictionary do not keep
        [name, policy.judge_rewards[0].judge]
        for name in rows
        if isinstance(policy := config.policies[name], GRPOPolicyConfig)
    ]
    return {
        "judge_of": judge_of,
        "rules": sorted({judge for _, judge in judge_of if is_rule(config.judges[judge])}),
        "reference": config.tables.win_rates.reference,
        "match_judge": config.tables.win_rates.first_judge,
        "probability": config.tables.win_rates.probability,
        "synthetic": config.synthetic,
    }


def win_rates(config: Config) -> SectionDict:
    model = config.tables.win_rates.sentence_model
    return {
        **plain(config.tables.win_rates, exclude={"sentence_model", "matrix_contexts"}),
        "sentence_model": plain(model) if model and installed_folder(model.package) else None,
        "paper": config.paper.get("win_rates", {}),
        "synthetic": config.synthetic,
    }


def constraints(config: Config) -> SectionDict:
    assert config.tables.constraints is not None
    return {
        "rows": list(config.tables.constraints.rows),
        "reference": config.tables.win_rates.reference,
        "judge": config.tables.win_rates.first_judge,
        "probability": config.tables.win_rates.probability,
        "paper": config.paper.get("constraints", {}),
        "synthetic": config.synthetic,
    }


def ifeval(config: Config) -> SectionDict:
    assert config.tables.ifeval is not None
    return {
        "rows": list(config.tables.ifeval.rows),
        "paper": config.paper.get("ifeval", {}),
        "synthetic": config.synthetic,
    }


def sweeps(config: Config) -> SectionDict:
    """The sweeps with their points, so that no other key of an entry makes the figures anew."""
    return {
        "sweeps": [
            {
                "name": name,
                "points": sweep_points(config, sweep),
                "registry": sweep.registry,
                "table": sweep.table,
                **plain(sweep, exclude={"series"}),
            }
            for name, sweep in config.sweeps.items()
        ],
        "match_judge": config.tables.win_rates.first_judge
        if any(sweep.table == "win_rates" for sweep in config.sweeps.values())
        else None,
        "synthetic": config.synthetic,
    }


def sweep_points(config: Config, sweep: SweepConfig) -> list[list[Any]]:
    """The points of a sweep, [series, entry, x], series by series and x ascending."""
    points = []
    for label, entries in sweep.series.items():
        known = [(number_at(config, sweep.registry, entry, sweep.x), entry) for entry in entries]
        points += [[label, entry, x] for x, entry in sorted(known, key=lambda point: point[0] or 0)]
    return points


def curves(config: Config) -> SectionDict:
    """The limits of the signs that each policy's training is watched for."""
    policies = {name: config.policies[name] for name in trained_models(config, "policies")}
    watches = {
        name: plain(policy.watch) for name, policy in policies.items() if isinstance(policy, GRPOPolicyConfig)
    }
    return {"watch": watches, "synthetic": config.synthetic, "figures": curve_figures(config)}


def curve_figures(config: Config) -> list[str]:
    """The figures of training curves that the run has."""
    models = [
        config.models(registry)[name]
        for registry in ("judges", "policies")
        for name in trained_models(config, registry)
    ]
    grpo = GenrmGRPOConfig | GRPOPolicyConfig
    bases = [config.bases[name] for name in trained_models(config, "bases")]
    present = {
        "bases": any(isinstance(base, WorldBaseConfig) for base in bases),
        "supervised": any(
            isinstance(model, TrainedConfig) and not isinstance(model, grpo) for model in models
        ),
        "judges": any(isinstance(model, GenrmGRPOConfig) for model in models),
        "policies": any(isinstance(model, GRPOPolicyConfig) for model in models),
        "entropy_cells": any(
            isinstance(model, grpo) and model.shaping not in ("uniform", "overconfident") for model in models
        ),
    }
    return [name for name, is_present in present.items() if is_present]


def chain_filter(config: Config) -> SectionDict:
    return {"synthetic": config.synthetic}


def report(config: Config) -> SectionDict:
    own = {name: own_judges(config.policies[name]) for name in config.tables.win_rates.rows}
    return {**_page(config), "sweeps": sweeps(config)["sweeps"], "own_judges": own}


def _page(config: Config) -> SectionDict:
    table = config.tables.win_rates
    return {
        "run": config.run,
        "synthetic": config.synthetic,
        "rehearsal": config.rehearses is not None,
        "policies": list(table.rows),
        "reference": table.reference,
        "withheld": list(config.sharing.withhold),
    }


def gallery(config: Config) -> SectionDict:
    return {
        **_page(config),
        "judges": list(config.tables.win_rates.judges),
        "contexts": config.gallery.contexts,
    }


def policies_with_snapshots(config: Config) -> list[str]:
    """The policies in the win rates that wrote snapshots during their training."""
    policies = {name: config.policies[name] for name in config.tables.win_rates.rows}
    return [
        name
        for name, policy in policies.items()
        if isinstance(policy, GRPOPolicyConfig) and policy.snapshots is not None
    ]


def card(config: Config, registry: str, name: str) -> SectionDict:
    """The config of a trained model, for its card; of files it has the names, and not where they lie."""
    models = config.models(registry)
    ancestors = list(reversed(lineage(models, name)))
    base = models[ancestors[0]].base_name
    assert base is not None, "a trained model comes from a base"
    kind = "policy" if registry == "policies" else config.judges[name].kind
    recipe = {f"base {base}": plain(config.bases[base], exclude={"shape"})}
    for model in ancestors:
        hashes = plugin_hashes(models[model]).get("plugins", {})
        plugins = {"plugins": [f"{Path(file).name} {code}" for file, code in hashes.items()]}
        recipe[model] = plain(models[model], exclude=INPUTS) | (plugins if hashes else {})
    files = {str(use.file) for model in ancestors for use in plugins_of(models[model])}
    files |= _folders_of_base(config.bases[base])
    return {
        "run": config.run,
        "name": name,
        "kind": kind,
        "synthetic": config.synthetic,
        "recipe": _unplaced(recipe, files),
        "training": _unplaced(config.training, files),
        "prompt": _prompt(config, registry, name),
        "rubrics": config.judging.rubrics if kind == "generative" else {},
        "scores": f"{config.judging.scores.low} to {config.judging.scores.high}",
        "base_model": hub_id(config.bases[base]),
        "license": license_of(config, base),
        "datasets": dataset_ids(config),
        "judge": judge_section(config, name) if registry == "judges" else None,
    }


def _folders_of_base(base: BaseConfig) -> set[str]:
    """The folder that a base is read from, if it is no model of a hub and no part of a package."""
    if isinstance(base, StandInBaseConfig):
        return _folders_of_base(base.of)
    if isinstance(base, WorldBaseConfig) or base.package is not None or base.model == hub_id(base):
        return set()
    return {base.model}


def _unplaced(value: Any, files: Collection[str]) -> Any:
    """The value with names of files in the place of their paths, and without the address of a vLLM server.

    Args:
        files: paths that do not look like one, as ``plugins/mine.py``.
    """
    if isinstance(value, Mapping):
        return {key: _unplaced(part, files) for key, part in value.items() if key not in SERVER_ADDRESS}
    if isinstance(value, list):
        return [_unplaced(part, files) for part in value]
    if isinstance(value, str) and (value in files or (is_path(value) and "\n" not in value)):
        return Path(value).name
    return value


def _prompt(config: Config, registry: str, name: str) -> str | None:
    """The template of a trained model's prompts."""
    entry = config.models(registry)[name]
    if not isinstance(entry, GenerativeJudgeConfig):
        return config.writing.template
    return config.judging.story_template if entry.reads == "story" else config.judging.template


def sheet(config: Config) -> SectionDict:
    assert config.human is not None, "a stage of a sheet that the run does not have"
    table = config.tables.win_rates
    return {
        "policies": list(table.rows),
        "reference": table.reference,
        **plain(config.human, exclude={"annotations"}),
    }


def human_win_rates(config: Config) -> SectionDict:
    """The policies alone; the annotations are an input, whose content counts and not their path."""
    table = config.tables.win_rates
    return {"policies": list(table.rows), "reference": table.reference, "synthetic": config.synthetic}

"""Each table's, figure's and page's part of the config, as ``sections``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlcs.config.judges import ScalarJudgeConfig
from rlcs.config.lineage import lineage, trained_models
from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.schema import Config
from rlcs.planning.stage_configs import INPUTS, SectionDict, plain, writes


def consensus_table(config: Config) -> SectionDict:
    teachers = dict.fromkeys(name for entry in config.consensus.values() for name in entry.teachers)
    return {"sources": list(config.consensus), "teachers": list(teachers), "synthetic": config.synthetic}


def pivot_table(config: Config) -> SectionDict:
    return {"judges": list(config.tables.pivots.judges)} if config.tables.pivots else {}


def alignment_table(config: Config) -> SectionDict:
    rows = config.tables.alignment.rows
    return {
        "rows": list(config.tables.alignment.rows),
        "reward_model": next(
            (row for row in rows if isinstance(config.judges[row], ScalarJudgeConfig)), None
        ),
        "calls": {row: getattr(config.judges[row], "votes", 1) for row in rows if writes(config.judges[row])},
        "paper": config.paper.get("alignment", {}),
        "synthetic": config.synthetic,
    }


def injection_table(config: Config) -> SectionDict:
    table = config.tables.injections
    assert table is not None, "a stage of a table that the run does not have"
    return {"judges": list(table.judges), "synthetic": config.synthetic}


def effects_table(config: Config) -> SectionDict:
    return {
        "effects": [plain(effect) for effect in config.effects],
        "judges": effect_systems(config, "accuracy_difference", "flip_rate"),
        "teachers": effect_systems(config, "chain_correctness"),
        "match_judge": config.tables.win_rates.judges[0] if effect_systems(config, "win_rate") else None,
        "synthetic": config.synthetic,
    }


def effect_systems(config: Config, *metrics: str) -> list[str]:
    """The systems of all effects that are measured by some metrics, each once."""
    chosen = [effect.systems for effect in config.effects if effect.metric in metrics]
    return list(dict.fromkeys(name for systems in chosen for name in systems))


def gain_table(config: Config) -> SectionDict:
    rows = config.tables.gains.rows if config.tables.gains else []
    return {
        "judge_of": [  # in the config's order, which keys of a params' dictionary do not keep
            [name, policy.rewards[0].judge]
            for name in rows
            if isinstance(policy := config.policies[name], GRPOPolicyConfig)
        ],
        "reference": config.tables.win_rates.reference,
        "match_judge": config.tables.win_rates.judges[0],
        "synthetic": config.synthetic,
    }


def win_rate_table(config: Config) -> SectionDict:
    model = config.tables.win_rates.sentence_model
    return {
        **plain(config.tables.win_rates, exclude={"sentence_model"}),
        "sentence_model": plain(model) if model and model.folder else None,
        "paper": config.paper.get("win_rates", {}),
        "synthetic": config.synthetic,
    }


def constraint_table(config: Config) -> SectionDict:
    assert config.tables.constraints is not None
    return {
        "rows": list(config.tables.constraints.rows),
        "reference": config.tables.win_rates.reference,
        "judge": config.tables.win_rates.judges[0],
        "paper": config.paper.get("constraints", {}),
        "synthetic": config.synthetic,
    }


def instruction_table(config: Config) -> SectionDict:
    assert config.tables.ifeval is not None
    return {"rows": list(config.tables.ifeval.rows), "synthetic": config.synthetic}


def curves(config: Config) -> SectionDict:
    """The limits of the signs that each policy's training is watched for."""
    policies = {name: config.policies[name] for name in trained_models(config, "policies")}
    watches = {
        name: plain(policy.watch) for name, policy in policies.items() if isinstance(policy, GRPOPolicyConfig)
    }
    return {"watch": watches, "synthetic": config.synthetic}


def filter_table(config: Config) -> SectionDict:
    return {"synthetic": config.synthetic}


def report(config: Config) -> SectionDict:
    table = config.tables.win_rates
    return {
        "run": config.run,
        "synthetic": config.synthetic,
        "policies": list(table.rows),
        "reference": table.reference,
    }


def gallery(config: Config) -> SectionDict:
    return {
        **report(config),
        "judges": list(config.tables.win_rates.judges),
        "contexts": config.gallery.contexts,
    }


def policies_with_snapshots(config: Config) -> list[str]:
    """Of the policies in the win rates, those that wrote on the way through their training."""
    rows = config.tables.win_rates.rows
    return [name for name in rows if getattr(config.policies[name], "snapshots", None) is not None]


def card(config: Config, registry: str, name: str) -> SectionDict:
    """What a model card tells of a trained model."""
    models: Mapping[str, Any] = getattr(config, registry)
    ancestors = list(reversed(lineage(models, name)))
    base = models[ancestors[0]].base
    kind = "policy" if registry == "policies" else models[name].kind
    return {
        "run": config.run,
        "name": name,
        "kind": kind,
        "synthetic": config.synthetic,
        "recipe": {f"base {base}": plain(config.bases[base], exclude={"shape"})}
        | {model: plain(models[model], exclude=INPUTS) for model in ancestors},
        "training": config.training,
        "prompt": config.judging.template if kind == "generative" else config.writing.template,
        "rubrics": config.judging.rubrics if kind == "generative" else {},
        "scores": f"{config.judging.scores.low} to {config.judging.scores.high}",
    }


def sheet(config: Config) -> SectionDict:
    assert config.human is not None, "a stage of a sheet that the run does not have"
    table = config.tables.win_rates
    return {
        "policies": list(table.rows),
        "reference": table.reference,
        **plain(config.human, exclude={"annotations"}),
    }


def human_table(config: Config) -> SectionDict:
    """The annotations are an input: their content counts, wherever they lie."""
    table = config.tables.win_rates
    return {"policies": list(table.rows), "reference": table.reference, "synthetic": config.synthetic}

"""The typed configuration of a run: unknown keys are errors, and names must be those of entries.

JSON schema, documented default and key tables are generated from here (``document_config.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from pydantic import Field, ValidationError, model_validator

from rlcs.data_entries import Data
from rlcs.effect_entries import METRICS, Effect
from rlcs.entries import (
    REWARD_TAGS,
    Base,
    ExternalPolicy,
    GRPOPolicy,
    Policy,
    Sampling,
    World,
    WorldBase,
    Writing,
)
from rlcs.judge_entries import (
    JUDGE_DETAILS,
    BradleyTerryJudge,
    Consensus,
    EndpointTeacher,
    GenrmGRPOJudge,
    GenrmSFTJudge,
    Judge,
    Judging,
    LengthJudge,
    ModelTeacher,
    OracleJudge,
    UntrainedGenrmJudge,
    WorldTeacher,
)
from rlcs.options import TRL_GROUP_SIZE, Name, Names, Section, Seeds, SharedOptions
from rlcs.pivot_table_entries import PivotTable
from rlcs.records import HUMAN
from rlcs.verifier_entries import ModelVerifier, Verifier

# Judges whose score of a story does not depend on the other story.
SCALAR_JUDGES = (BradleyTerryJudge, LengthJudge, OracleJudge)


class ConfigError(ValueError):
    """A config that cannot be run; the message names every offending key."""


class AlignmentTable(Section):
    """Judges against human labels on held-out pairs."""

    rows: Names = Field(
        min_length=1,
        description="Names under judges, in the table's order.",
        examples=[["genrm-sft", "genrm-grpo"]],
    )


class WinRateTable(Section):
    """Policies against a reference policy."""

    rows: Names = Field(
        min_length=2, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    reference: Name = Field(description="The policy that the others are compared with.", examples=["sft"])
    judges: Names = Field(
        min_length=1,
        description="Who decides; independent judges first.",
        examples=[["oracle", "genrm-grpo"]],
    )


class InjectionTable(Section):
    """Judges that are talked to by the stories that they read."""

    judges: Names = Field(
        min_length=1, description="Names under judges, in the table's order.", examples=[["genrm-grpo"]]
    )
    pairs: int = Field(50, ge=1, description="Held-out pairs that are tried with each injection.")


class GainTable(Section):
    """Judges as rewards: their accuracy, and what policies gain that were trained on them."""

    rows: Names = Field(
        min_length=1,
        description="Names under policies, of tables.win_rates.rows, each rewarded by one judge alone.",
        examples=[["grpo"]],
    )


class ConstraintTable(Section):
    """Policies by the constraints that their stories keep."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    verifier: Name | None = Field(
        None, description="A name under verifiers, for constraints that no rule can check. Empty: unverified."
    )


class InstructionTable(Section):
    """Policies by the instructions that they follow in prompts that are no stories."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    prompts: Path = Field(
        description="JSON lines in the shape of IFEval's input_data.jsonl: key, prompt, instruction_id_list, "
        "kwargs.",
        examples=["input_data.jsonl"],
    )


class Tables(Section):
    """Which models the tables compare."""

    alignment: AlignmentTable = Field(description="Judges against human labels on held-out pairs.")
    win_rates: WinRateTable = Field(description="Policies against a reference policy.")
    injections: InjectionTable | None = Field(
        None, description="Judges that are talked to by the stories that they read. Empty: no such table."
    )
    pivots: PivotTable | None = Field(
        None,
        description="Designs of pointwise rewards against the oracle: {judges, policy, contexts, "
        "group_size}. Empty: no such table.",
    )
    gains: GainTable | None = Field(
        None,
        description="Judges' accuracy against the gain of the policies that they reward: {rows}. Empty: no "
        "such table.",
    )
    constraints: ConstraintTable | None = Field(
        None,
        description="Policies by the constraints that they keep: {rows, verifier}. Empty: no such table.",
    )
    ifeval: InstructionTable | None = Field(
        None,
        description="Policies by the instructions that they follow: {rows, prompts}. Empty: no such table.",
    )


class Config(Section):
    """A run: its data, its models by name, and the tables that compare them."""

    run: Name = Field(description="Results go to results/{run}.", examples=["my-run"])
    seeds: Seeds = Field([0], min_length=1, description="Every training is repeated with each seed.")
    data: Data = Field(default_factory=Data, description="Where preferences come from.")
    world: World = Field(default_factory=World, description="Size and noise of the synthetic tiny world.")
    judging: Judging = Field(description="What generative judges are asked.")
    writing: Writing = Field(description="What policies are asked for.")
    training: SharedOptions = Field(
        default_factory=dict,
        description="Options of transformers' TrainingArguments that all trainings share; their own win.",
    )
    sampling: Sampling = Field(default_factory=Sampling, description="How stories are drawn for win rates.")
    bases: dict[Name, Base] = Field(min_length=1, description="Models that training starts from, by name.")
    judges: dict[Name, Judge] = Field(min_length=1, description="Judges by name.")
    consensus: dict[Name, Consensus] = Field(
        default_factory=dict, description="Labels by agreement of teachers, by name: sources of pairs."
    )
    verifiers: dict[Name, Verifier] = Field(
        default_factory=dict, description="Models that verify constraints which no rule can check, by name."
    )
    policies: dict[Name, Policy] = Field(min_length=1, description="Policies by name.")
    tables: Tables = Field(description="Which models the tables compare.")
    effects: list[Effect] = Field(
        default_factory=list, description="Claims as data; each is a row of the effects table."
    )
    paper: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="The papers' figures in per cent: {table: {row: figure}}; printed beside ours.",
    )

    @property
    def synthetic(self) -> bool:
        """Whether the preferences are those of the tiny world."""
        return not self.data.is_brought

    @model_validator(mode="after")
    def _references(self) -> Config:
        problems = _reference_problems(self)
        if problems:
            raise ValueError("\n  ".join(problems))
        return self


def _reference_problems(config: Config) -> list[str]:
    problems = []

    def known(key: str, name: str, registry: str) -> None:
        names = getattr(config, registry)
        if name not in names:
            problems.append(f"{key}: {name!r} is not under {registry} ({', '.join(names)})")

    def teaches(key: str, name: str) -> None:
        known(key, name, "judges")
        if not isinstance(config.judges.get(name), WorldTeacher | ModelTeacher | EndpointTeacher | None):
            problems.append(f"{key}: {name!r} is no judge of kind teacher")

    for registry in ("judges", "policies"):
        models: dict[str, Any] = getattr(config, registry)
        for name, model in models.items():
            key = f"{registry}.{name}"
            base, parent = getattr(model, "base", None), getattr(model, "parent", None)
            if base is not None:
                known(f"{key}.base", base, "bases")
            if parent is not None:
                known(f"{key}.from", parent, registry)
            if hasattr(model, "parent") and (base is None) == (parent is None):
                problems.append(f"{key}: needs either 'from' or 'base', has {'both' if base else 'neither'}")
            if len(set(line := lineage(models, name))) < len(line):
                problems.append(f"{key}.from: cycle {' -> '.join(line)}")
    for name, judge in config.judges.items():
        key = f"judges.{name}"
        if isinstance(judge, GenrmSFTJudge) and judge.teacher is not None:
            teaches(f"{key}.teacher", judge.teacher)
        if isinstance(judge, BradleyTerryJudge | GenrmSFTJudge | GenrmGRPOJudge):
            for source in judge.pairs:
                if source != HUMAN:
                    known(f"{key}.pairs", source, "consensus")
                teachers = config.consensus[source].teachers if source in config.consensus else None
                distilled = judge.teacher if isinstance(judge, GenrmSFTJudge) else None
                if distilled is not None and teachers and distilled not in teachers:
                    problems.append(
                        f"{key}.pairs: {distilled!r}, whose chains are learned, is no teacher of "
                        f"consensus.{source} ({', '.join(teachers)})"
                    )
        if isinstance(judge, GenrmGRPOJudge | UntrainedGenrmJudge):
            parent = config.judges.get(judge.parent or "")
            if not isinstance(parent, GenrmSFTJudge | GenrmGRPOJudge | None):
                problems.append(f"{key}.from: {judge.parent!r} is no trained judge of kind genrm")
        if isinstance(judge, OracleJudge | WorldTeacher) and not config.synthetic:
            problems.append(f"{key}: needs the tiny world, but data brings other preferences")
    for name, consensus in config.consensus.items():
        if name == HUMAN:
            problems.append(f"consensus.{name}: this name means the pairs that came with labels")
        for teacher in consensus.teachers:
            teaches(f"consensus.{name}.teachers", teacher)
    for name, base in config.bases.items():
        if isinstance(base, WorldBase) and not config.synthetic:
            problems.append(f"bases.{name}: needs the tiny world, but data brings other preferences")
    for name, policy in config.policies.items():
        if isinstance(policy, GRPOPolicy):
            if isinstance(config.policies.get(policy.parent or ""), ExternalPolicy):
                problems.append(f"policies.{name}.from: {policy.parent!r} is stories from a file, no model")
            group_size = policy.training.get("num_generations", TRL_GROUP_SIZE)
            if policy.select is not None:
                known(f"policies.{name}.select.judge", policy.select.judge, "judges")
            for place, reward in enumerate(policy.rewards):
                key = f"policies.{name}.reward" + (f".{place}" if isinstance(policy.reward, list) else "")
                known(f"{key}.judge", reward.judge, "judges")
                asked = config.judges.get(reward.judge)
                if reward.kind == "scalar" and not isinstance(asked, (*SCALAR_JUDGES, NoneType)):
                    problems.append(f"{key}.kind: {reward.judge!r} does not score a story by itself")
                if isinstance(group_size, int) and reward.pivots >= group_size:
                    problems.append(
                        f"{key}.pivots: {reward.pivots} must be less than num_generations = {group_size}"
                    )
            if policy.constraints is not None and policy.constraints.verifier is not None:
                known(f"policies.{name}.constraints.verifier", policy.constraints.verifier, "verifiers")
            several = policy.training.get("multi_objective_aggregation", "sum_then_normalize")
            if policy.constraints is not None and several != "sum_then_normalize":
                problems.append(
                    f"policies.{name}.training.multi_objective_aggregation: {several!r} takes no mean "
                    "of a group, which constraints need"
                )
    for name, verifier in config.verifiers.items():
        if isinstance(verifier, ModelVerifier):
            known(f"verifiers.{name}.base", verifier.base, "bases")
        if name in config.judges:
            problems.append(f"verifiers.{name}: a judge has the same name")
    for number, effect in enumerate(config.effects):
        for name in effect.systems:
            known(f"effects.{number}.systems", name, METRICS[effect.metric].registry)
    for name in config.tables.alignment.rows:
        known("tables.alignment.rows", name, "judges")
    for name in config.tables.injections.judges if config.tables.injections else ():
        known("tables.injections.judges", name, "judges")
    for name in config.tables.win_rates.rows:
        known("tables.win_rates.rows", name, "policies")
    for name in config.tables.win_rates.judges:
        known("tables.win_rates.judges", name, "judges")
    for name in config.tables.gains.rows if config.tables.gains else ():
        known("tables.gains.rows", name, "policies")
        if name not in config.tables.win_rates.rows:
            problems.append(f"tables.gains.rows: {name!r} is not among tables.win_rates.rows")
        rewarding = [reward.judge for reward in getattr(config.policies.get(name), "rewards", [])]
        if name in config.policies and len(rewarding) != 1:
            problems.append(
                f"tables.gains.rows: {name!r} is rewarded by {rewarding or 'no judge'}, not by one"
            )
    for table in ("constraints", "ifeval"):
        for name in getattr(getattr(config.tables, table), "rows", ()):
            known(f"tables.{table}.rows", name, "policies")
    if config.tables.constraints is not None and config.tables.constraints.verifier is not None:
        known("tables.constraints.verifier", config.tables.constraints.verifier, "verifiers")
    if (pivots := config.tables.pivots) is not None:
        for name in pivots.judges:
            known("tables.pivots.judges", name, "judges")
        known("tables.pivots.policy", pivots.policy, "policies")
        if isinstance(config.policies.get(pivots.policy), ExternalPolicy):
            problems.append(f"tables.pivots.policy: {pivots.policy!r} is stories from a file, no model")
        if not config.synthetic:
            problems.append("tables.pivots: needs the tiny world, but data.preferences names files")
    if config.tables.win_rates.reference not in config.tables.win_rates.rows:
        problems.append(
            f"tables.win_rates.reference: {config.tables.win_rates.reference!r} is not among its rows"
        )
    return problems


def lineage(models: Mapping[str, Any], name: str) -> list[str]:
    """A model and its parents; ends with the first name that comes twice."""
    names = [name]
    while (parent := getattr(models.get(names[-1]), "parent", None)) is not None:
        names.append(parent)
        if parent in names[:-1]:
            break
    return names


def parse(raw: Mapping[str, Any]) -> Config:
    """The typed config of a merged dictionary.

    Raises:
        ConfigError: with one line per offending key.
    """
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        lines = [_describe(problem) for problem in error.errors()]
        raise ConfigError("invalid config:\n" + "\n".join(f"  {line}" for line in lines)) from None


def _describe(problem: Any) -> str:
    # pydantic puts the tag of a union's branch into the path; a person knows only the keys
    tags = {
        "world",
        "pretrained",
        "oracle",
        "length",
        "teacher-world",
        "teacher-transformers",
        "teacher-openai",
        "bradley_terry",
        "genrm-none",
        "genrm-sft",
        "genrm-grpo",
        "sft",
        "grpo",
        "transformers",
        "openai",
        "none",
    }
    path = list(problem["loc"])
    path = [part for part in path if part not in REWARD_TAGS]
    if len(path) > 2 and path[0] in ("bases", "judges", "verifiers", "policies") and path[2] in tags:
        del path[2]
    key = ".".join(str(part) for part in path)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    if problem["type"].startswith("union_tag"):
        context = problem["ctx"]
        tag = context.get("tag")
        if path[0] == "judges":
            field = JUDGE_DETAILS.get(str(tag).partition("-")[0], "kind")
        else:
            field = context["discriminator"].strip("'")
        key = f"{key}.{field}"
        message = f"{tag!r} is none of {context['expected_tags']}" if tag else "Field required"
    return f"{key}: {message}" if key else message

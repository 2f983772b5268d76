"""The typed configuration of a run: unknown keys are errors, and names must be those of entries.

JSON schema, documented default and key tables are generated from here (``document_config.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, model_validator

from rlcs.data_entries import Data
from rlcs.effect_entries import Effect
from rlcs.entries import REWARD_TAGS, UNTRAINED_TAGS, Base, Policy, Sampling, World, Writing
from rlcs.judge_entries import JUDGE_DETAILS, Consensus, Judge, Judging
from rlcs.options import Name, Section, Seeds, SharedOptions
from rlcs.page_entries import Gallery, Human
from rlcs.references import reference_problems
from rlcs.serving_entries import Serving
from rlcs.table_entries import Tables
from rlcs.verifier_entries import Verifier


class ConfigError(ValueError):
    """A config that cannot be run; the message names every offending key."""


class Config(Section):
    """A run: its data, its models by name, and the tables that compare them."""

    run: Name = Field(description="Results go to results/{run}.", examples=["my-run"])
    seeds: Seeds = Field([0], min_length=1, description="Every training is repeated with each seed.")
    data: Data = Field(default_factory=Data, description="Where preferences come from.")
    world: World = Field(default_factory=World, description="Size and noise of the synthetic tiny world.")
    judging: Judging = Field(description="What generative judges are asked.")
    serving: Serving = Field(
        default_factory=Serving, description="How vLLM serves judges, and the rollouts of trainings."
    )
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
    gallery: Gallery = Field(default_factory=Gallery, description="Stories side by side, on a page.")
    human: Human | None = Field(
        None,
        description="A blind sheet for people, and their win rates: {pairs, seed, annotations}. Empty: none.",
    )
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
        problems = reference_problems(self)
        if problems:
            raise ValueError("\n  ".join(problems))
        return self


def parse(raw: Mapping[str, Any]) -> Config:
    """The typed config of a merged dictionary.

    ``preferences``, a file or a list of them, stands for ``data.preferences``: a word that is quickly typed
    behind ``--config``.

    Raises:
        ConfigError: with one line per offending key.
    """
    given = dict(raw)
    if (files := given.pop("preferences", None)) is not None:
        listed = files if isinstance(files, list) else [files]
        given["data"] = {**(given.get("data") or {}), "preferences": listed}
    try:
        return Config.model_validate(given)
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
        *UNTRAINED_TAGS,
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
        elif path[0] == "policies":
            field = "train"
        else:
            field = context["discriminator"].strip("'")
        key = f"{key}.{field}"
        message = f"{tag!r} is none of {context['expected_tags']}" if tag else "Field required"
    return f"{key}: {message}" if key else message

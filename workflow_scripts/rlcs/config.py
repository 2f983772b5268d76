"""The typed configuration of a run.

One model per section; unknown keys are errors. ``trl_options.json`` holds the option names of the pinned TRL
release, so that a misspelt trainer option is found while the workflow is planned, without importing TRL.
JSON schema, documented default and key tables are generated from here (``document_config.py``).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from rlcs import prompts

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

# What the workflow sets itself, so that every number can be traced and every path is known.
RESERVED_OPTIONS = {
    "output_dir",
    "seed",
    "data_seed",
    "report_to",
    "resume_from_checkpoint",
    "trust_remote_code",
}

TRL_GROUP_SIZE = 8  # num_generations where a config names none


class ConfigError(ValueError):
    """A config that cannot be run; the message names every offending key."""


@cache
def trl_options() -> dict[str, list[str]]:
    """Option names by TRL config class."""
    options: dict[str, list[str]] = json.loads(Path(__file__).with_name("trl_options.json").read_text())
    return options


def _check_options(trl_class: str) -> AfterValidator:
    def check(options: dict[str, Any]) -> dict[str, Any]:
        known = trl_options()[trl_class]
        for name in options:
            if name in RESERVED_OPTIONS:
                raise ValueError(f"{name!r} is set by the workflow and cannot be configured")
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{name!r} is no option of TRL's {trl_class}{hint}")
        return options

    return AfterValidator(check)


def _check_distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError(f"{values} has a value twice")
    return values


SFTOptions = Annotated[dict[str, Any], _check_options("SFTConfig")]
GRPOOptions = Annotated[dict[str, Any], _check_options("GRPOConfig")]
RewardOptions = Annotated[dict[str, Any], _check_options("RewardConfig")]
SharedOptions = Annotated[dict[str, Any], _check_options("TrainingArguments")]
Names = Annotated[list[Name], AfterValidator(_check_distinct)]
Seeds = Annotated[list[int], AfterValidator(_check_distinct)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


# ---------------------------------------------------------------------------------------------- data


class Splits(Section):
    """Shares of the contexts, by a hash of the context, where a file names no split."""

    train: float = Field(0.8, ge=0, le=1, description="Share of contexts that train judges and policies.")
    validation: float = Field(0.05, ge=0, le=1, description="Share for choosing recipes and for curves.")
    test: float = Field(0.15, ge=0, le=1, description="Share that only the tables see.")

    @model_validator(mode="after")
    def _sum_to_one(self) -> Splits:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError(
                f"train {self.train} + validation {self.validation} + test {self.test} must sum to 1"
            )
        return self


class Data(Section):
    """Where preferences come from and what may be lost of them."""

    preferences: list[Path] | None = Field(
        None, description="Preference files (JSONL, CSV or Parquet). Empty: the synthetic tiny world."
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Names of the workflow's fields in your file: {story_a: chosen}."
    )
    splits: Splits = Field(default_factory=Splits, description="Split by context where the file has none.")
    seed: int = Field(0, description="Seed of the split.")
    max_quarantine_share: float = Field(
        0.05, ge=0, le=1, description="The run stops where more than this share of the rows is unusable."
    )


class World(Section):
    """The synthetic tiny world: its size and its noise."""

    seed: int = Field(0, description="Seed of contexts, stories and labels.")
    train_pairs: int = Field(2000, ge=1, description="Labelled pairs on training contexts.")
    validation_pairs: int = Field(300, ge=1, description="Labelled pairs on validation contexts.")
    test_pairs: int = Field(1200, ge=1, description="Labelled pairs on held-out contexts.")
    pairs_per_context: int = Field(2, ge=1, description="Pairs that share a context.")
    label_noise: float = Field(
        1.0, gt=0, description="Temperature of the annotators' Bradley-Terry choice; larger is noisier."
    )


# --------------------------------------------------------------------------------------------- bases


class WorldBase(Section):
    """A small model, pre-trained on the spot on the tiny world's texts."""

    kind: Literal["world"] = Field(description="This kind of base.")
    hidden_size: int = Field(96, ge=8, description="Width.")
    layers: int = Field(4, ge=1, description="Depth.")
    heads: int = Field(4, ge=1, description="Attention heads.")
    intermediate_size: int = Field(256, ge=8, description="Width of the MLP.")
    initializer_range: float = Field(0.06, gt=0, description="Standard deviation of the initial weights.")
    seed: int = Field(0, description="Seed of initial weights and pre-training texts.")
    single_examples: int = Field(24000, ge=1, description="Pre-training texts about single stories.")
    pair_examples: int = Field(6000, ge=0, description="Pre-training texts about pairs, without verdicts.")
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")


class PretrainedBase(Section):
    """A pre-trained model: a folder or an id on a model hub."""

    kind: Literal["pretrained"] = Field(description="This kind of base.")
    model: str = Field(description="Folder or hub id.", examples=["Qwen/Qwen2.5-7B-Instruct"])
    revision: str | None = Field(None, description="Commit of the hub repository; pin it.")


Base = Annotated[WorldBase | PretrainedBase, Field(discriminator="kind")]


# ------------------------------------------------------------------------------------------- shaping


class Multipliers(Section):
    """Weights of the four cells of entropy-based shaping (RLCS)."""

    confident_wrong: float = Field(1.5, ge=0, description="Confident and wrong.")
    uncertain_correct: float = Field(1.5, ge=0, description="Uncertain and correct.")
    confident_correct: float = Field(0.5, ge=0, description="Confident and correct.")
    uncertain_wrong: float = Field(1.0, ge=0, description="Uncertain and wrong.")


# -------------------------------------------------------------------------------------------- judges


class Scores(Section):
    """The range of a GenRM's integer scores."""

    low: int = Field(1, ge=0, description="Lowest score.")
    high: int = Field(10, ge=1, le=999, description="Highest score.")

    @model_validator(mode="after")
    def _range(self) -> Scores:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} must be less than high {self.high}")
        return self


class Judging(Section):
    """What every generative judge is asked and how its answer is read."""

    template: str = Field(
        description="The judge's prompt: $story_1, $story_2, $rubric and the context's fields are filled in.",
        examples=["$outline\n$rubric\nStory 1: $story_1\nStory 2: $story_2"],
    )
    rubrics: dict[str, str] = Field(
        default_factory=dict, description="Rubric by domain; 'default' serves the other domains."
    )
    scores: Scores = Field(default_factory=Scores, description="Range of the two integer scores.")
    max_new_tokens: int = Field(1024, ge=1, description="Longest answer; a longer one is unparsed.")
    batch_size: int = Field(256, ge=1, description="Comparisons that are generated side by side.")

    @model_validator(mode="after")
    def _fields(self) -> Judging:
        prompts.check_template(self.template, prompts.JUDGE_FIELDS, required=("story_1", "story_2"))
        return self


class OracleJudge(Section):
    """The hidden utility of the tiny world; the truth, not a model."""

    kind: Literal["oracle"] = Field(description="This kind of judge.")


class WorldTeacher(Section):
    """The tiny world's biased teacher; writes the chains that a GenRM is distilled from."""

    kind: Literal["teacher"] = Field(description="This kind of judge.")
    backend: Literal["world"] = Field(description="Who answers.")
    seed: int = Field(0, description="Seed of its slips.")
    length_bias: float = Field(0.04, description="Points per word of a story.")
    first_position_bias: float = Field(0.4, description="Points that the first story gains.")
    slip_rate: float = Field(0.01, ge=0, le=1, description="Share of evidence slots that it misreads.")


class ModelTeacher(Section):
    """An instruction-tuned model that writes the chains, in process."""

    kind: Literal["teacher"] = Field(description="This kind of judge.")
    backend: Literal["transformers"] = Field(description="Who answers.")
    base: Name = Field(description="A name under bases.", examples=["world"])


# What the workflow sends with each question itself.
RESERVED_SAMPLING = {"model", "messages", "stream", "stream_options", "n"}


class EndpointTeacher(Section):
    """A model behind an OpenAI-compatible HTTP endpoint: `vllm serve` or a vendor."""

    kind: Literal["teacher"] = Field(description="This kind of judge.")
    backend: Literal["openai"] = Field(description="Who answers.")
    model: str = Field(
        description="The endpoint's name of the model.", examples=["Qwen/Qwen2.5-72B-Instruct"]
    )
    sampling: dict[str, Any] = Field(
        default_factory=dict,
        description="Sent with each question as it is: temperature, max_tokens, ... in the endpoint's names.",
        examples=[{"temperature": 0, "max_tokens": 1024}],
    )
    base_url: str | None = Field(
        None, description="Where it is served, such as http://localhost:8000/v1. Empty: the client's default."
    )
    api_key_env: str | None = Field(
        None,
        pattern=r"^[A-Z_][A-Z0-9_]*$",
        description="NAME of the environment variable that holds the key; never the key. Empty: no key.",
        examples=["OPENAI_API_KEY"],
    )
    concurrency: int = Field(16, ge=1, description="Questions that are in flight at once, per process.")
    requests_per_minute: float | None = Field(
        None, gt=0, description="Questions are spaced so that no more are sent, per process. Empty: no limit."
    )
    timeout: float = Field(300.0, gt=0, description="Seconds of silence after which an attempt has failed.")
    attempts: int = Field(8, ge=1, description="Attempts at a question, the first one included.")
    backoff: float = Field(
        1.0, gt=0, description="Seconds before the second attempt, doubled for each further one."
    )
    max_wait: float = Field(
        600.0,
        gt=0,
        description="Seconds that the endpoint may ask to wait; where it asks for more, it has failed.",
    )
    max_failure_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Judging stops where a larger share of the questions gets no answer. A training stops by "
        "its own reward.max_failure_share.",
    )
    prompt_price: float = Field(0.0, ge=0, description="Price of a million prompt tokens, to show the cost.")
    completion_price: float = Field(0.0, ge=0, description="Price of a million tokens of answers.")

    @field_validator("sampling")
    @classmethod
    def _sampling(cls, sampling: dict[str, Any]) -> dict[str, Any]:
        if reserved := sorted(sampling.keys() & RESERVED_SAMPLING):
            raise ValueError(f"{reserved} are set by the workflow and cannot be configured")
        if extra := sorted(name for name in sampling if name.startswith("extra_")):
            raise ValueError(f"{extra} belong to the Python client; name the endpoint's own options")
        return sampling

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, url: str | None) -> str | None:
        # what is wrong is said without the address, which may hold a secret
        try:
            parts = urlsplit(url or "http://default")
        except ValueError:
            raise ValueError("cannot be read as an address") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address such as http://localhost:8000/v1")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("must hold neither user, password nor query; a key belongs in api_key_env")
        return url

    @model_validator(mode="after")
    def _key(self) -> EndpointTeacher:
        if self.base_url is None and self.api_key_env is None:
            raise ValueError("needs base_url, or api_key_env for the vendor that the client calls by default")
        return self


class BradleyTerryJudge(Section):
    """A scalar reward model on the same pairs: the baseline."""

    kind: Literal["bradley_terry"] = Field(description="This kind of judge.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    training: RewardOptions = Field(default_factory=dict, description="Options of TRL's RewardConfig.")


class GenrmSFTJudge(Section):
    """A generative reward model, distilled from a teacher's filtered chains."""

    kind: Literal["genrm"] = Field(description="This kind of judge.")
    train: Literal["sft"] = Field(description="How it is trained.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    teacher: Name = Field(description="The judge whose kept chains are learned.", examples=["teacher-world"])
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")


class GenrmGRPOJudge(Section):
    """A generative reward model, refined by GRPO: reward 1 right, 0 wrong, -1 unparsed."""

    kind: Literal["genrm"] = Field(description="This kind of judge.")
    train: Literal["grpo"] = Field(description="How it is trained.")
    parent: Name | None = Field(
        None, alias="from", description="The judge that training starts from.", examples=["genrm-sft"]
    )
    base: Name | None = Field(None, description="Or a name under bases: GRPO without SFT.")
    shaping: Literal["uniform", "entropy"] = Field("uniform", description="Weights of the advantages.")
    multipliers: Multipliers = Field(default_factory=Multipliers, description="Those of entropy shaping.")
    training: GRPOOptions = Field(default_factory=dict, description="Options of TRL's GRPOConfig.")


# What tells the judges of one kind apart.
_DETAILS = {"genrm": "train", "teacher": "backend"}


def _judge_tag(value: Any) -> str | None:
    fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    kind = fields.get("kind")
    detail = fields.get(_DETAILS.get(str(kind), ""))
    return f"{kind}-{detail}" if detail else kind


Judge = Annotated[
    Annotated[OracleJudge, Tag("oracle")]
    | Annotated[WorldTeacher, Tag("teacher-world")]
    | Annotated[ModelTeacher, Tag("teacher-transformers")]
    | Annotated[EndpointTeacher, Tag("teacher-openai")]
    | Annotated[BradleyTerryJudge, Tag("bradley_terry")]
    | Annotated[GenrmSFTJudge, Tag("genrm-sft")]
    | Annotated[GenrmGRPOJudge, Tag("genrm-grpo")],
    Discriminator(_judge_tag),
]


# ------------------------------------------------------------------------------------------ policies


class Writing(Section):
    """What every policy is asked for."""

    template: str = Field(
        description="The policy's prompt: the context's fields ($outline, ...) are filled in.",
        examples=["Write a $domain. $outline\n$constraints"],
    )

    @model_validator(mode="after")
    def _fields(self) -> Writing:
        prompts.check_template(self.template, prompts.CONTEXT_FIELDS)
        return self


class Reward(Section):
    """Points from pairs: each story of a group against pivots (DESIGN: from pairs to points)."""

    judge: Name = Field(description="The frozen judge, a name under judges.", examples=["genrm-grpo"])
    pivots: int = Field(1, ge=1, description="Pivots drawn per group.")
    orders: Literal["both", "random"] = Field(
        "both", description="Judge each comparison in both orders, or in one drawn at random."
    )
    max_failure_share: float = Field(
        0.2, ge=0, le=1, description="Training stops where a larger share of a step's judgements failed."
    )


class SFTPolicy(Section):
    """A policy that imitates the preferred stories of the training pairs."""

    train: Literal["sft"] = Field(description="How it is trained.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")


class GRPOPolicy(Section):
    """A policy that is trained against a frozen judge."""

    train: Literal["grpo"] = Field(description="How it is trained.")
    parent: Name | None = Field(
        None, alias="from", description="The policy that training starts from.", examples=["sft"]
    )
    base: Name | None = Field(None, description="Or a name under bases: GRPO without SFT.")
    reward: Reward = Field(description="Where the reward comes from.")
    shaping: Literal["uniform", "entropy"] = Field("uniform", description="Weights of the advantages.")
    multipliers: Multipliers = Field(default_factory=Multipliers, description="Those of entropy shaping.")
    training: GRPOOptions = Field(default_factory=dict, description="Options of TRL's GRPOConfig.")


Policy = Annotated[SFTPolicy | GRPOPolicy, Field(discriminator="train")]


# ---------------------------------------------------------------------------------------- evaluation


class Sampling(Section):
    """How stories are drawn for the win rates."""

    temperature: float = Field(1.0, ge=0, description="0 is greedy.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus sampling.")
    max_new_tokens: int = Field(1024, ge=1, description="Longest story; a longer one is cut off and counted.")
    samples: int = Field(1, ge=1, description="Stories per context and policy.")
    contexts: int = Field(300, ge=1, description="Held-out contexts.")
    batch_size: int = Field(256, ge=1, description="Stories that are generated side by side.")


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


class Tables(Section):
    """Which models the tables compare."""

    alignment: AlignmentTable = Field(description="Judges against human labels on held-out pairs.")
    win_rates: WinRateTable = Field(description="Policies against a reference policy.")


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
    policies: dict[Name, Policy] = Field(min_length=1, description="Policies by name.")
    tables: Tables = Field(description="Which models the tables compare.")
    paper: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="The papers' figures in per cent: {table: {row: figure}}; printed beside ours.",
    )

    @property
    def synthetic(self) -> bool:
        """Whether the preferences are those of the tiny world."""
        return self.data.preferences is None

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
        if isinstance(judge, GenrmSFTJudge):
            known(f"{key}.teacher", judge.teacher, "judges")
            if not isinstance(
                config.judges.get(judge.teacher), WorldTeacher | ModelTeacher | EndpointTeacher | None
            ):
                problems.append(f"{key}.teacher: {judge.teacher!r} is no judge of kind teacher")
        if isinstance(judge, GenrmGRPOJudge):
            parent = config.judges.get(judge.parent or "")
            if not isinstance(parent, GenrmSFTJudge | GenrmGRPOJudge | None):
                problems.append(f"{key}.from: {judge.parent!r} is no judge of kind genrm")
        if isinstance(judge, OracleJudge | WorldTeacher) and not config.synthetic:
            problems.append(f"{key}: needs the tiny world, but data.preferences names files")
    for name, base in config.bases.items():
        if isinstance(base, WorldBase) and not config.synthetic:
            problems.append(f"bases.{name}: needs the tiny world, but data.preferences names files")
    for name, policy in config.policies.items():
        if isinstance(policy, GRPOPolicy):
            known(f"policies.{name}.reward.judge", policy.reward.judge, "judges")
            group_size = policy.training.get("num_generations", TRL_GROUP_SIZE)
            if isinstance(group_size, int) and policy.reward.pivots >= group_size:
                problems.append(
                    f"policies.{name}.reward.pivots: {policy.reward.pivots} must be less than "
                    f"num_generations = {group_size}"
                )
    for name in config.tables.alignment.rows:
        known("tables.alignment.rows", name, "judges")
    for name in config.tables.win_rates.rows:
        known("tables.win_rates.rows", name, "policies")
    for name in config.tables.win_rates.judges:
        known("tables.win_rates.judges", name, "judges")
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
        "teacher-world",
        "teacher-transformers",
        "teacher-openai",
        "bradley_terry",
        "genrm-sft",
        "genrm-grpo",
        "sft",
        "grpo",
    }
    path = list(problem["loc"])
    if len(path) > 2 and path[0] in ("bases", "judges", "policies") and path[2] in tags:
        del path[2]
    key = ".".join(str(part) for part in path)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    if problem["type"].startswith("union_tag"):
        context = problem["ctx"]
        tag = context.get("tag")
        if path[0] == "judges":
            field = _DETAILS.get(str(tag).partition("-")[0], "kind")
        else:
            field = context["discriminator"].strip("'")
        key = f"{key}.{field}"
        message = f"{tag!r} is none of {context['expected_tags']}" if tag else "Field required"
    return f"{key}: {message}" if key else message

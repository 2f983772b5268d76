"""The entries of judges, and what generative judges are asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.section import GRPOOptions, ModelConfig, Name, Names, RewardOptions, Section, SFTOptions
from rlcs.config.training import EarlyStoppingConfig, ShapingConfig, TrainedConfig
from rlcs.records import HUMAN, ORDERS


class OracleJudgeConfig(ModelConfig):
    """The hidden utility of the tiny world; the truth, not a model."""

    kind: Literal["oracle"] = Field(description="This kind of judge.")


class LengthJudgeConfig(ModelConfig):
    """Counts words: the floor below which no judge or reward is worth its price."""

    kind: Literal["length"] = Field(description="This kind of judge.")
    prefer: Literal["longer", "shorter"] = Field("longer", description="The story that wins.")


class TeacherWeightsConfig(Section):
    """Utility per slot of each dimension that the tiny world's teacher sees in a story."""

    outline: float = Field(0.7, description="Place, foe and tool of the outline.")
    character: float = Field(0.2, description="The hero's trait and name.")
    coherence: float = Field(0.1, description="The lost item is found, the tool used again.")
    originality: float = Field(1.3, description="Vivid words.")
    engagement: float = Field(0.5, description="Feelings.")


class GenerativeJudgeConfig(ModelConfig):
    """A judge that writes an analysis and two scores; only such a judge can be a teacher."""

    kind: Literal["generative"] = Field(description="This kind of judge.")


class _UntrainedConfig(GenerativeJudgeConfig):
    train: Literal["none"] = Field("none", description="It is not trained.")


class WorldTeacherConfig(_UntrainedConfig):
    """The tiny world's simulated teacher, with biases of its own."""

    backend: Literal["world"] = Field(description="Who answers.")
    seed: int = Field(0, description="Seed of its slips.")
    weights: TeacherWeightsConfig = Field(
        default_factory=TeacherWeightsConfig, description="What it cares for."
    )
    usual_utility: float = Field(3.5, description="Utility that gets the middle score.")
    utility_per_point: float = Field(0.7, gt=0, description="Utility that makes a point of the scores.")
    length_bias: float = Field(0.04, description="Points per word of a story.")
    first_position_bias: float = Field(0.4, description="Points that the first story gains.")
    slip_rate: float = Field(0.01, ge=0, le=1, description="Share of evidence slots that it misreads.")


VOTES = Field(1, ge=1, description="Answers to each comparison: the majority decides, its share is p.")


def _check_votes(votes: int, temperature: float | None) -> None:
    if votes > 1 and temperature == 0:
        raise ValueError(f"{votes} votes at temperature 0 are the same answer; set a temperature")


class EndpointJudgeConfig(EndpointConfig, _UntrainedConfig):
    """A model behind an OpenAI-compatible HTTP endpoint: `vllm serve` or a vendor."""

    votes: int = VOTES

    @model_validator(mode="after")
    def _different_votes(self) -> EndpointJudgeConfig:
        _check_votes(self.votes, self.sampling.get("temperature"))
        return self


class ConsensusConfig(Section):
    """Labels for unlabelled pairs: what several teachers agree on in both orders."""

    teachers: Names = Field(
        description="Generative judges, at least two, best with different biases.",
        examples=[["teacher-world", "teacher-endpoint"]],
    )
    agree: int = Field(
        2, ge=2, description="Teachers that must say the same, while none that is sure of itself differs."
    )

    @model_validator(mode="after")
    def _enough(self) -> ConsensusConfig:
        if len(self.teachers) < self.agree:
            raise ValueError(
                f"{self.agree} teachers must agree, but teachers names {len(self.teachers)}: {self.teachers}"
            )
        return self


LabelSources = Annotated[
    Names,
    Field(
        default_factory=lambda: [HUMAN],
        min_length=1,
        description="Training pairs: human (those that came with labels) and names under consensus.",
    ),
]


Way = Literal["probe", "lora", "full"]


class ScalarJudgeConfig(TrainedConfig):
    """A scalar reward model on the same pairs: the baseline."""

    kind: Literal["scalar"] = Field(description="This kind of judge.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    label_sources: LabelSources
    train: Way | list[Way] | None = Field(
        None,
        description="probe: a linear reward on the frozen base, for few pairs. lora: adapters. full: all "
        "weights. Of a list, what is best in cross-validation. Empty: lora where lora is given, else full.",
    )
    features: Literal["states", "perplexity"] = Field(
        "states",
        description="What a probe sees of a story: the base's hidden states, or only how likely the base "
        "finds it, which makes a baseline.",
    )
    folds: int = Field(5, ge=2, description="Of the cross-validation, by context, on the training pairs.")
    training: RewardOptions = Field(default_factory=dict, description="Options of TRL's RewardConfig.")

    @property
    def ways(self) -> list[Way]:
        """How it may be trained."""
        if self.train is None:
            return ["lora" if self.lora else "full"]
        return self.train if isinstance(self.train, list) else [self.train]

    @model_validator(mode="after")
    def _consistent_ways(self) -> ScalarJudgeConfig:
        if not self.ways or len(set(self.ways)) < len(self.ways):
            raise ValueError(f"train needs at least one way and none twice, has {self.ways}")
        if self.lora is not None and "lora" not in self.ways:
            raise ValueError(f"lora is given, but train is {self.train!r}: set lora to null")
        if self.features == "perplexity" and self.ways != ["probe"]:
            raise ValueError("features: perplexity needs train: probe")
        if self.launch is not None and self.ways not in (["lora"], ["full"]):
            raise ValueError(
                f"launch needs train: lora or train: full, has {self.ways}: probes are of one process"
            )
        return self


class _ModelConfig(GenerativeJudgeConfig):
    backend: Literal["transformers"] = Field(
        "transformers", description="Who answers: a model of this run, as judging.engine says."
    )

    @field_validator("backend", mode="before")
    @classmethod
    def _others_are_untrained(cls, backend: Any) -> Any:
        if backend in ("openai", "world"):
            raise ValueError(f"{backend!r} needs train: none; only models of this run are trained")
        return backend


class UntrainedJudgeConfig(_ModelConfig):
    """A language model that is asked as it is: a base, or a GenRM for several votes."""

    train: Literal["none"] = Field(description="It is not trained.")
    parent: Name | None = Field(
        None, alias="from", description="The judge whose weights it has.", examples=["genrm-grpo"]
    )
    base: Name | None = Field(None, description="Or a name under bases.")
    votes: int = VOTES
    temperature: float = Field(0.0, ge=0, description="At which answers are drawn; 0 is greedy.")

    @model_validator(mode="after")
    def _different_votes(self) -> UntrainedJudgeConfig:
        _check_votes(self.votes, self.temperature)
        return self


class GenrmSFTConfig(TrainedConfig, _ModelConfig):
    """A generative reward model, distilled from a teacher's chains."""

    train: Literal["sft"] = Field(description="How it is trained.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    teacher: Name | None = Field(
        None,
        description="The generative judge whose chains are learned. Empty: scores are made from the labels, "
        "the highest for the preferred story and the lowest for the other.",
        examples=["teacher-world"],
    )
    chains: Literal["filtered", "unfiltered"] = Field(
        "filtered",
        description="Those that the consistency filter kept, or all that can be read, whatever the label.",
    )
    analysis: bool = Field(True, description="Whether it learns the analysis or the scores alone.")
    early_stopping: EarlyStoppingConfig | None = Field(
        None,
        description="Publish the step that is best on held-out training pairs: {share, every, patience}. "
        "Empty: the last one.",
    )
    label_sources: LabelSources
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")

    @model_validator(mode="after")
    def _chains(self) -> GenrmSFTConfig:
        if self.teacher is None and (self.analysis or self.chains == "unfiltered"):
            raise ValueError(
                "without a teacher there are no chains: set analysis to false, chains to filtered"
            )
        return self


class GenrmGRPOConfig(ShapingConfig, TrainedConfig, _ModelConfig):
    """A generative reward model, refined by GRPO: reward 1 right, 0 wrong, -1 unparsed."""

    train: Literal["grpo"] = Field(description="How it is trained.")
    parent: Name | None = Field(
        None, alias="from", description="The judge that training starts from.", examples=["genrm-sft"]
    )
    base: Name | None = Field(None, description="Or a name under bases: GRPO without SFT.")
    label_sources: LabelSources
    reward: Literal["verdict", "consistent"] = Field(
        "verdict", description="1 where the verdict is right, or only where it is right in both orders."
    )
    resample: int = Field(
        0,
        ge=0,
        description="Further rounds of rollouts per step, at most, for fresh pairs in the place of pairs "
        "whose groups have no variance in their rewards.",
    )
    training: GRPOOptions = Field(default_factory=dict, description="Options of TRL's GRPOConfig.")

    @property
    def groups_per_unit(self) -> int:
        """Prompts that stay together: the two orders of a pair where an option looks at both."""
        return len(ORDERS) if self.reward == "consistent" or self.resample else 1


# What tells the judges of one kind apart, as the tags of the union below, which stand in no message.
_GENERATIVE = {"train": ("none", "sft", "grpo"), "backend": ("transformers", "openai", "world")}
_KINDS = ("oracle", "length", "generative", "scalar")
JUDGE_TAGS = (
    "oracle",
    "length",
    "scalar",
    "train none",
    "train sft",
    "train grpo",
    "backend openai",
    "backend world",
)


def _judge_tag(value: Any) -> str | None:
    fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    if (kind := fields.get("kind")) != "generative":
        return kind
    train, backend = fields.get("train"), fields.get("backend", "transformers")
    untrained = train is None or train == "none"
    return f"backend {backend}" if untrained and backend != "transformers" else f"train {train}"


def describe_judge_tag(tag: str) -> tuple[str, str]:
    """The key whose value makes a tag that no judge has, and what is wrong with it."""
    key, _, value = tag.partition(" ")
    if key not in _GENERATIVE:
        key, value = "kind", tag
    elif value == "None":
        return key, "Field required"
    return key, f"{value!r} is not one of {', '.join(map(repr, _GENERATIVE.get(key, _KINDS)))}"


JudgeConfig = Annotated[
    Annotated[OracleJudgeConfig, Tag("oracle")]
    | Annotated[LengthJudgeConfig, Tag("length")]
    | Annotated[ScalarJudgeConfig, Tag("scalar")]
    | Annotated[UntrainedJudgeConfig, Tag("train none")]
    | Annotated[GenrmSFTConfig, Tag("train sft")]
    | Annotated[GenrmGRPOConfig, Tag("train grpo")]
    | Annotated[EndpointJudgeConfig, Tag("backend openai")]
    | Annotated[WorldTeacherConfig, Tag("backend world")],
    Discriminator(_judge_tag),
]

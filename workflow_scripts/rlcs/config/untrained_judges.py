"""The entries of judges that nothing trains: the truth, a count of words, and language models as they are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.section import ModelConfig, Name, Section
from rlcs.records import Reads


class OracleJudgeConfig(ModelConfig):
    """The truth: the tiny world's hidden utility decides, and no model."""

    kind: Literal["oracle"] = Field(description="Kind of judge: the truth.")


class LengthJudgeConfig(ModelConfig):
    """A count of words: the baseline that a judge or reward must beat."""

    kind: Literal["length"] = Field(description="Kind of judge: a count of words.")
    prefer: Literal["longer", "shorter"] = Field("longer", description="Story that wins.")


class TeacherWeightsConfig(Section):
    """Utility per slot of each dimension that the tiny world's teacher sees in a story."""

    outline: float = Field(0.7, description="Weight of the outline's place, foe and tool.")
    character: float = Field(0.2, description="Weight of the hero's trait and name.")
    coherence: float = Field(
        0.1, description="Weight of a lost item that is found and a tool that is used again."
    )
    originality: float = Field(1.3, description="Weight of vivid words.")
    engagement: float = Field(0.5, description="Weight of words for feelings.")


class GenerativeJudgeConfig(ModelConfig):
    """A judge that writes an analysis and scores; only if they are its verdict can it be a teacher."""

    kind: Literal["generative"] = Field(description="Kind of judge: it writes an analysis and scores.")
    reads: Reads = Field(
        "pair",
        description="Stories that one answer speaks of. pair: two, which are compared. story: one, which is "
        "scored by itself (pointwise), so that a group of G stories takes G answers. A judge reads what its "
        "from and its teacher read.",
    )


class _UntrainedConfig(GenerativeJudgeConfig):
    train: Literal["none"] = Field("none", description="Training: none.")


class WorldTeacherConfig(_UntrainedConfig):
    """The tiny world's simulated teacher, with biases of its own."""

    backend: Literal["world"] = Field(description="Backend: the tiny world's simulated teacher.")
    seed: int = Field(0, description="Seed of the slots that it misreads.")
    weights: TeacherWeightsConfig = Field(
        default_factory=TeacherWeightsConfig, description="Utility per slot of each dimension."
    )
    usual_utility: float = Field(3.5, description="Utility of a story that gets the middle score.")
    utility_per_point: float = Field(
        0.7, gt=0, description="Difference in utility that changes the score by one point."
    )
    length_bias: float = Field(0.04, description="Points added per word of a story beyond the usual 27.")
    first_position_bias: float = Field(0.4, description="Points added to the story shown first.")
    slip_rate: float = Field(0.01, ge=0, le=1, description="Probability that it misreads a slot.")


VOTES = Field(
    1,
    ge=1,
    description="Number of answers to each comparison. The majority decides; the share of answers "
    "for a story is its probability.",
)


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


class ModelJudgeConfig(GenerativeJudgeConfig):
    """A generative judge whose model is one of this run's."""

    backend: Literal["transformers"] = Field(
        "transformers", description="Backend: a model of this run, run by judging.engine."
    )

    @field_validator("backend", mode="before")
    @classmethod
    def _others_are_untrained(cls, backend: Any) -> Any:
        if backend in ("openai", "world"):
            raise ValueError(f"{backend!r} needs train: none; only models of this run are trained")
        return backend


class UntrainedJudgeConfig(ModelJudgeConfig):
    """A language model without further training: a base, or a GenRM with several votes."""

    train: Literal["none"] = Field(description="Training: none.")
    parent: Name | None = Field(
        None, alias="from", description="Judge whose weights it uses.", examples=["genrm-grpo"]
    )
    base: Name | None = Field(None, description="Name under bases whose weights it uses, in place of from.")
    votes: int = VOTES
    temperature: float = Field(
        0.0, ge=0, description="Sampling temperature of the answers; 0 is greedy decoding."
    )

    @model_validator(mode="after")
    def _different_votes(self) -> UntrainedJudgeConfig:
        _check_votes(self.votes, self.temperature)
        return self

"""Rewards of a story policy: a judge's, a bonus for diversity, and the effect of broken constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rlcs.config.plugins import FunctionRewardConfig
from rlcs.config.section import Name, Section
from rlcs.config.sentence_model import SentenceModelConfig


class StoryRewardConfig(Section):
    """Pointwise rewards from comparisons with pivots (docs/method.md, "From pairs to points")."""

    judge: Name = Field(description="Name of the frozen judge, under judges.", examples=["genrm-grpo"])
    pivot: Literal["drawn", "chosen"] = Field(
        "drawn",
        description="Origin of the pivots. drawn: stories of the group. chosen: a story that people "
        "preferred in a training pair of the context, drawn anew for each group; a group whose context has "
        "none gets a drawn pivot.",
    )
    pivots: int = Field(1, ge=1, description="Number of pivots drawn per group.")
    orders: Literal["both", "random"] = Field(
        "both", description="Orders of each comparison: both, or one drawn at random."
    )
    probability: Literal["auto", "hard", "soft"] = Field(
        "auto",
        description="Source of the points. hard: verdicts. soft: the judge's own probability, from its score "
        "tokens (scores from 0 to 9), its votes or a Bradley-Terry model; hard if it has none. auto: soft, "
        "but endpoints and judges with scores above 9 are not asked for log probabilities: a single vote of "
        "theirs is hard.",
    )
    disagreement: Literal[0, -1] = Field(
        0,
        description="A comparison whose two orders disagree, a tie and a winner as well: 0 is the mean of "
        "its orders, -1 is lost by both.",
    )
    max_failure_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Largest share of the last 100 judgements, or of a step's if these are more, that may "
        "fail before training stops.",
    )
    weight: float = Field(1.0, description="Weight of this reward in a sum.")
    kind: Literal["pivots", "scalar"] = Field(
        "pivots",
        description="Kind of reward. pivots: points from comparisons with pivots. scalar: the score "
        "of a judge that "
        "scores each story by itself: kind scalar, oracle or length, or reads: story. pivots, orders and "
        "disagreement then have no effect; with a soft probability the score of reads: story is the expected "
        "one.",
    )

    @model_validator(mode="after")
    def _several_pivots(self) -> StoryRewardConfig:
        if self.disagreement == -1 and self.pivots == 1:
            raise ValueError(
                "disagreement: -1 needs pivots above 1, has 1: the only pivot of a group has 0, and beside "
                "the stories that lose it would get the only positive advantage"
            )
        return self

    @model_validator(mode="after")
    def _chosen_pivot(self) -> StoryRewardConfig:
        if self.pivot == "chosen" and self.pivots > 1:
            raise ValueError(f"pivot: chosen is one story a group, but pivots is {self.pivots}: leave it out")
        if self.pivot == "chosen" and self.kind == "scalar":
            raise ValueError("kind: scalar compares with no pivot: leave pivot out")
        return self


# A judge's reward, one of a file, or a list of rewards: their weighted sum. The tags are in no message.
REWARD_TAGS = ("one reward", "function", "sum of rewards")


def _reward_tag(value: Any) -> str:
    if isinstance(value, list):
        return REWARD_TAGS[2]
    fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return REWARD_TAGS["function" in fields]


_OneReward = Annotated[
    Annotated[StoryRewardConfig, Tag(REWARD_TAGS[0])] | Annotated[FunctionRewardConfig, Tag(REWARD_TAGS[1])],
    Discriminator(_reward_tag),
]
StoryRewardsConfig = Annotated[
    Annotated[StoryRewardConfig, Tag(REWARD_TAGS[0])]
    | Annotated[FunctionRewardConfig, Tag(REWARD_TAGS[1])]
    | Annotated[list[_OneReward], Tag(REWARD_TAGS[2])],
    Discriminator(_reward_tag),
]


class DiversityConfig(Section):
    """A bonus for what a story adds to its group, quality first (docs/method.md, "Diversity")."""

    weight: float = Field(
        3.0,
        gt=0,
        description="Bonus of a story that shares nothing with its group over one that shares everything, in "
        "units of the reward.",
    )
    quality_quantile: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Quantile of the group's rewards that a story must reach to earn a bonus. 0: each story "
        "may.",
    )
    n: int = Field(
        3,
        ge=1,
        description="Length of the n-grams in words. What a story adds is the share of its n-grams that no "
        "other story of the group has. No effect with sentence_model.",
    )
    sentence_model: SentenceModelConfig | None = Field(
        None,
        description="Sentence-embedding model: {package, model}. What a story adds is then its mean cosine "
        "distance from the others; the model runs on the CPU. Empty: n-grams.",
    )


class ConstraintsConfig(Section):
    """The effect of broken constraints on the reward (RLMR and its baselines)."""

    mode: Literal["none", "penalty", "verifier_only", "fixed"] = Field(
        description="Effect of constraints. none: they are verified and counted. penalty: a story "
        "that breaks one "
        "gets a negative advantage (RLMR). verifier_only: the reward is 1 for keeping all, else 0. fixed: a "
        "weighted sum of that and the writing reward.",
        examples=["penalty"],
    )
    margin: float = Field(
        0.1,
        gt=0,
        description="Amount beyond the smallest penalty that puts all violators below the "
        "group's mean (penalty).",
    )
    all_violate: Literal["skip", "negative"] = Field(
        "skip",
        description="Treatment of a group in which all stories violate (penalty). skip: nothing is "
        "learned from it. "
        "negative: each story gets all_violate_advantage.",
    )
    all_violate_advantage: float = Field(-1.0, lt=0, description="Advantage for all_violate: negative.")
    weight: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Weight of the kept constraints (fixed); the writing reward has the rest.",
    )
    per_constraint: bool = Field(
        False,
        description="True to count single constraints. penalty: a further margin for each after the first. "
        "verifier_only, fixed: the share of constraints kept, in place of 1 for all and 0 for fewer.",
    )
    verifier: Name | None = Field(
        None,
        description="Name under verifiers, for constraints of the kind described. Empty: these stay "
        "unverified.",
    )
    max_failure_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Largest share of the verifier's last 100 answers, or of a step's if these are more, "
        "that may be missing or unreadable before training stops.",
    )

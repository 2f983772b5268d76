"""What a policy's entry says about the constraints of its contexts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rlcs.config.section import GRPOOptions, ModelConfig, Name, Section, SFTOptions
from rlcs.config.training import ShapingConfig, TrainedConfig


class ConstraintsConfig(Section):
    """What the constraints of the contexts do to the reward (RLMR and its baselines)."""

    mode: Literal["none", "penalty", "verifier_only", "fixed"] = Field(
        description="none: they are verified and counted, no more. penalty: who breaks one gets a negative "
        "advantage (RLMR). verifier_only: the reward is whether they are kept. fixed: a weighted sum.",
        examples=["penalty"],
    )
    margin: float = Field(
        0.1, gt=0, description="penalty: how far below the group's mean a violator is pushed at least."
    )
    all_violate: Literal["skip", "negative"] = Field(
        "skip",
        description="penalty: a group in which all violate teaches nothing, or all in it have "
        "all_violate_advantage.",
    )
    all_violate_advantage: float = Field(-1.0, lt=0, description="penalty: that advantage.")
    weight: float = Field(
        0.5, ge=0, le=1, description="fixed: of the verifier; the writing reward has the rest."
    )
    per_constraint: bool = Field(
        False,
        description="penalty: a further margin for every further broken constraint. verifier_only, fixed: "
        "the share of constraints kept instead of 1 for all and 0 for fewer.",
    )
    verifier: Name | None = Field(
        None,
        description="A name under verifiers, for constraints of the kind described. Empty: those stay "
        "unverified.",
    )
    max_failure_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Training stops where a larger share of a step's answers by the verifier cannot be read.",
    )


class NoiseConfig(Section):
    """How often a judge names the story shown first."""

    true_positive_rate: float = Field(
        ge=0, le=1, description="Where the first story is the better one.", examples=[0.85]
    )
    false_positive_rate: float = Field(ge=0, le=1, description="Where it is the worse one.", examples=[0.2])

    @model_validator(mode="after")
    def _better_than_chance(self) -> NoiseConfig:
        if self.true_positive_rate <= self.false_positive_rate:
            raise ValueError(
                f"true_positive_rate {self.true_positive_rate} must be above false_positive_rate "
                f"{self.false_positive_rate}, or verdicts say nothing"
            )
        return self


class SelectConfig(Section):
    """The best checkpoint by an independent judge: wins over the training's start, on validation contexts."""

    judge: Name = Field(description="A judge other than the training reward.", examples=["bt"])
    every: int = Field(10, ge=1, description="Steps between two comparisons.")
    contexts: int = Field(100, ge=1, description="Validation contexts, a story each.")


class SnapshotsConfig(Section):
    """Stories that the policy writes while it is trained, for the gallery; nothing is learned from them."""

    every: int = Field(
        10, ge=1, description="Steps between two of them; the start and the end are there too."
    )
    contexts: int = Field(8, ge=1, description="The first held-out contexts, a story each.")


class WatchConfig(Section):
    """Signs of collapse in a training's own log; each limit is what a sign may reach before it is flagged."""

    action: Literal["warn", "stop", "ignore"] = Field(
        "warn",
        description="At a flag: say it, or end the training as well (what select found best goes on); or "
        "do not look.",
    )
    window: int = Field(
        10, ge=1, description="Logged steps that are averaged; the first of them are the baseline."
    )
    variance_spike: float = Field(
        3.0, gt=0, description="Standard deviation of the reward over the median of the window before."
    )
    length_drift: float = Field(0.5, gt=0, description="Mean length against the baseline, as a share of it.")
    entropy_crash: float = Field(0.7, gt=0, description="Share of the baseline's entropy that is lost.")
    kl: float = Field(1.0, gt=0, description="KL to the reference model per token; logged where beta > 0.")
    repetition: float = Field(0.15, gt=0, description="Rise of the share of repeated 4-grams in a story.")
    diversity: float = Field(0.5, gt=0, description="Share of the baseline's distinct-2 that is lost.")
    truncated: float = Field(0.25, gt=0, description="Rise of the share of stories that are cut off.")
    formatting: float = Field(
        0.2,
        gt=0,
        description="Rise of the share of a story's lines with headers, lists, tables or bold text.",
    )
    inconsistency: float = Field(
        0.25, gt=0, description="Rise of the share of comparisons whose orders disagree."
    )
    hacking: float = Field(
        0.1,
        gt=0,
        description="Fall of the win rate by select's judge from its best, unseen by the reward's judge.",
    )


class StoryRewardConfig(Section):
    """Pointwise rewards from comparisons with pivots (docs/method.md, "From pairs to points")."""

    judge: Name = Field(description="The frozen judge, a name under judges.", examples=["genrm-grpo"])
    pivots: int = Field(1, ge=1, description="Pivots drawn per group.")
    orders: Literal["both", "random"] = Field(
        "both", description="Judge each comparison in both orders, or in one drawn at random."
    )
    probability: Literal["hard", "soft"] = Field(
        "hard",
        description="Points from verdicts, or from the judge's own probability (of its score tokens, of its "
        "votes, of a Bradley-Terry model) where it has one.",
    )
    disagreement: Literal[0, -1] = Field(
        0,
        description="A comparison whose two orders disagree, a tie and a winner as well: 0 is the mean of "
        "its orders, -1 is lost by both.",
    )
    max_failure_share: float = Field(
        0.2, ge=0, le=1, description="Training stops where a larger share of a step's judgements failed."
    )
    noise: NoiseConfig | None = Field(
        None,
        description="Correct the points for the judge's measured noise: {true_positive_rate, "
        "false_positive_rate}. Empty: as they are.",
    )
    weight: float = Field(1.0, description="Of this reward in a sum of several.")
    kind: Literal["pivots", "scalar"] = Field(
        "pivots",
        description="Points against pivots, or the plain score of a judge that scores each story by itself "
        "(kind scalar, oracle or length); then pivots, orders, probability and disagreement say nothing.",
    )

    @model_validator(mode="after")
    def _several_pivots(self) -> StoryRewardConfig:
        if self.disagreement == -1 and self.pivots == 1:
            raise ValueError(
                "disagreement: -1 needs pivots above 1, has 1: the only pivot of a group has 0, and beside "
                "the stories that lose it would get the only positive advantage"
            )
        return self


# One reward, or a list of them: their weighted sum. The tags stand in no message.
REWARD_TAGS = ("one reward", "sum of rewards")
StoryRewardsConfig = Annotated[
    Annotated[StoryRewardConfig, Tag(REWARD_TAGS[0])]
    | Annotated[list[StoryRewardConfig], Tag(REWARD_TAGS[1])],
    Discriminator(lambda value: REWARD_TAGS[isinstance(value, list)]),
]


class SFTPolicyConfig(TrainedConfig):
    """A policy that imitates the preferred stories of the training pairs."""

    train: Literal["sft"] = Field(description="How it is trained.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")


class BasePolicyConfig(ModelConfig):
    """A base as it is, without training."""

    train: Literal["none"] = Field(description="It is not trained.")
    base: Name = Field(description="A name under bases.", examples=["world"])


class ExternalPolicyConfig(ModelConfig):
    """Stories from a file: people's, or another system's."""

    train: Literal["none"] = Field(description="It is not trained.")
    stories: Path = Field(
        description="JSONL, CSV or Parquet with context_id and text; rows of one context are samples.",
        examples=["stories.jsonl"],
    )


class GRPOPolicyConfig(ShapingConfig, TrainedConfig):
    """A policy that is trained against a frozen judge."""

    train: Literal["grpo"] = Field(description="How it is trained.")
    parent: Name | None = Field(
        None, alias="from", description="The policy that training starts from.", examples=["sft"]
    )
    base: Name | None = Field(None, description="Or a name under bases: GRPO without SFT.")
    reward: StoryRewardsConfig | None = Field(
        None,
        description="Where the reward comes from; a list of such entries is their weighted sum. None is "
        "needed where constraints.mode is verifier_only.",
        examples=[{"judge": "genrm-grpo"}],
    )
    constraints: ConstraintsConfig | None = Field(
        None, description="What broken constraints do to the reward. Empty: nothing, and none is verified."
    )
    advantage: Literal["group", "reward"] = Field(
        "group",
        description="TRL's group normalisation, or the reward itself, without groups whose skew is above "
        "max_skew (BRPO).",
    )
    max_skew: float = Field(0.6, ge=0, description="Largest |sum of rewards| / group size, for BRPO.")
    select: SelectConfig | None = Field(
        None,
        description="Publish the best checkpoint by an independent judge: {judge, every, contexts}. Empty: "
        "the last one.",
    )
    snapshots: SnapshotsConfig | None = Field(
        None, description="Stories on the way, for the gallery: {every, contexts}. Empty: none."
    )
    watch: WatchConfig = Field(
        default_factory=WatchConfig, description="Signs of collapse, and what to do about them."
    )
    training: GRPOOptions = Field(default_factory=dict, description="Options of TRL's GRPOConfig.")

    @property
    def rewards(self) -> list[StoryRewardConfig]:
        if self.reward is None:
            return []
        return self.reward if isinstance(self.reward, list) else [self.reward]

    @model_validator(mode="after")
    def _distinct_judges(self) -> GRPOPolicyConfig:
        judges = [reward.judge for reward in self.rewards]
        verifier_only = self.constraints is not None and self.constraints.mode == "verifier_only"
        if verifier_only and (judges or self.select):
            raise ValueError(
                "constraints.mode is verifier_only: leave out reward and select, which ask judges"
            )
        if not (judges or verifier_only) or len(set(judges)) < len(judges):
            raise ValueError(f"reward needs at least one entry and no judge twice, has {judges}")
        if self.select is not None and self.select.judge in judges:
            raise ValueError(f"select.judge {self.select.judge!r} is the reward's; it must be another one")
        return self

    @property
    def judges(self) -> list[str]:
        """The judges that training asks."""
        asked = [reward.judge for reward in self.rewards]
        return asked if self.select is None else [*asked, self.select.judge]

    @model_validator(mode="after")
    def _guarantee(self) -> GRPOPolicyConfig:
        """The penalty promises negative advantages; no other option may undo it."""
        if self.constraints is None or self.constraints.mode != "penalty":
            return self
        if self.advantage == "reward":
            raise ValueError("constraints.mode penalty needs advantage: group; it is below a group's mean")
        if self.shaping == "entropy_rewards" or self.normalize == "recenter":
            raise ValueError(
                "constraints.mode penalty needs weights of the advantages and nothing after them: no shaping "
                "entropy_rewards, no normalize recenter"
            )
        wrong = (self.multipliers.confident_wrong, self.multipliers.uncertain_wrong)
        if self.shaping == "entropy" and min(wrong) == 0:
            raise ValueError("constraints.mode penalty needs multipliers of what is wrong above 0")
        return self


# What tells the policies that are not trained apart.
UNTRAINED_TAGS = ("none, with base", "none, with stories")


def _policy_tag(value: Any) -> str | None:
    fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return UNTRAINED_TAGS["base" not in fields] if fields.get("train") == "none" else fields.get("train")


PolicyConfig = Annotated[
    Annotated[SFTPolicyConfig, Tag("sft")]
    | Annotated[GRPOPolicyConfig, Tag("grpo")]
    | Annotated[BasePolicyConfig, Tag(UNTRAINED_TAGS[0])]
    | Annotated[ExternalPolicyConfig, Tag(UNTRAINED_TAGS[1])],
    Discriminator(_policy_tag),
]

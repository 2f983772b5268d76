"""The entries of policies: their training, their reward and the constraints of their stories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.plugins import FunctionRewardConfig
from rlcs.config.section import DPOOptions, File, GRPOOptions, ModelConfig, Name, Section, SFTOptions
from rlcs.config.story_rewards import (
    ConstraintsConfig,
    DiversityConfig,
    StoryRewardConfig,
    StoryRewardsConfig,
)
from rlcs.config.training import ShapingConfig, TrainedConfig, TrainingPairsConfig


class SelectConfig(Section):
    """Win rates over the training's start on validation contexts, and the best checkpoint by them.

    Each look costs ``contexts`` stories, and as many comparisons in both orders by each of two judges: the
    reward's first one, and the one that is named here. A look adds nothing to the weights.
    The trainer's own vLLM writes the stories if ``use_vllm`` is set.
    """

    judge: Name = Field(description="Name of a judge other than the reward's.", examples=["bt"])
    every: int = Field(10, ge=1, description="Steps between two looks; the last step has one, too.")
    contexts: int = Field(
        100,
        ge=1,
        description="Number of validation contexts, a story each; a look asks each of the two judges twice "
        "as many questions.",
    )
    publish: Literal["best", "last"] = Field(
        "best",
        description="Published weights. best: those with the highest win rate by judge. last: those of the "
        "last step; the win rates are a curve alone.",
    )


class SnapshotsConfig(Section):
    """Stories that the policy writes during training, for the gallery alone.

    The trainer's own vLLM writes them if ``use_vllm`` is set.
    """

    every: int = Field(10, ge=1, description="Steps between two snapshots; start and end have one, too.")
    contexts: int = Field(
        8, ge=1, description="Number of held-out contexts, the first of the data, a story each."
    )


class WatchConfig(Section):
    """Signs of collapse in a training's log. A sign is flagged if it is above its limit."""

    action: Literal["warn", "stop", "ignore"] = Field(
        "warn",
        description="Reaction to a flag. warn: a message. stop: a message and the end of the "
        "training; with select, "
        "the best checkpoint is published. ignore: no watch.",
    )
    window: int = Field(
        10, ge=1, description="Number of logged steps to average; the first of them are the baseline."
    )
    variance_spike: float = Field(
        3.0,
        gt=0,
        description="Largest ratio of the reward's standard deviation to the median of the window before.",
    )
    length_drift: float = Field(
        0.5, gt=0, description="Largest change of the mean length, as a share of the baseline."
    )
    entropy_crash: float = Field(
        0.7, gt=0, description="Largest loss of entropy, as a share of the baseline."
    )
    kl: float = Field(
        1.0,
        gt=0,
        description="Largest KL divergence from the reference model per token, in nats; logged if beta > 0.",
    )
    repetition: float = Field(
        0.15, gt=0, description="Largest rise of the share of repeated 4-grams in a story."
    )
    diversity: float = Field(
        0.5,
        gt=0,
        description="Largest loss of distinct 2-grams, or with diversity of what stories add to their group, "
        "as a share of the baseline.",
    )
    truncated: float = Field(0.25, gt=0, description="Largest rise of the share of truncated stories.")
    formatting: float = Field(
        0.2,
        gt=0,
        description="Largest rise of the share of lines with headers, lists, tables or bold text.",
    )
    importance_ratio: float = Field(
        0.5,
        gt=0,
        description="Largest shortfall of the mean importance ratio below 1, of rollouts by vLLM: near 1 the "
        "gradient is nothing.",
    )
    inconsistency: float = Field(
        0.25, gt=0, description="Largest rise of the share of comparisons whose two orders disagree."
    )
    hacking: float = Field(
        0.1,
        gt=0,
        description="Largest fall of the win rate by select's judge from its best, if the reward "
        "does not fall.",
    )


class SFTPolicyConfig(TrainedConfig):
    """A policy that imitates the preferred stories of the training pairs."""

    train: Literal["sft"] = Field(description="Training: SFT.")
    base: Name = Field(description="Name under bases that training starts from.", examples=["world"])
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")


class DPOPolicyConfig(TrainingPairsConfig, TrainedConfig):
    """A policy that is trained on the labelled pairs themselves, without a judge (DPO, arXiv 2305.18290)."""

    train: Literal["dpo"] = Field(description="Training: DPO.")
    parent: Name | None = Field(
        None,
        alias="from",
        description="Policy that training starts from; it is the reference model, too.",
        examples=["sft"],
    )
    base: Name | None = Field(
        None, description="Name under bases that training starts from, in place of from."
    )
    training: DPOOptions = Field(default_factory=dict, description="Options of TRL's DPOConfig.")


class BasePolicyConfig(ModelConfig):
    """A base without training."""

    train: Literal["none"] = Field(description="Training: none.")
    base: Name = Field(description="Name under bases.", examples=["world"])


class ExternalPolicyConfig(ModelConfig):
    """Stories from a file, written by people or by another system."""

    train: Literal["none"] = Field(description="Training: none.")
    stories: File = Field(
        description="File with the columns context_id and text (JSONL, CSV or Parquet). Several rows "
        "of a context are samples.",
        examples=["stories.jsonl"],
    )


class EndpointPolicyConfig(EndpointConfig, ModelConfig):
    """A model behind an OpenAI-compatible HTTP endpoint that writes stories: a vendor's, or a served one.

    Its sampling is that of the run: temperature, top_p (if it is below 1) and max_tokens. The entry's own
    parameters win; one that is empty is not sent.
    """

    train: Literal["none"] = Field(description="Training: none.")


class BestOfConfig(Section):
    """The choice of one of several stories by a judge, in place of training."""

    judge: Name = Field(
        description="Name of the judge, under judges. One that scores each story by itself scores all; "
        "others decide a knock-out, of one match fewer than stories.",
        examples=["genrm-grpo"],
    )
    candidates: int = Field(8, ge=2, description="Number of stories per context, of which one is chosen.")
    orders: Literal["both", "random"] = Field(
        "both", description="Orders of each match: both, or one drawn at random."
    )
    probability: Literal["hard", "soft"] = Field(
        "hard",
        description="Source of a match's result. hard: verdicts. soft: the judge's own probability, as in a "
        "reward.",
    )


class BestOfPolicyConfig(ModelConfig):
    """The best of several stories of another policy by a judge; it has no weights of its own."""

    train: Literal["none"] = Field(description="Training: none.")
    parent: Name = Field(alias="from", description="Policy that writes the stories.", examples=["sft"])
    best_of: BestOfConfig = Field(description="Choice of a story: {judge, candidates, orders, probability}.")


class GRPOPolicyConfig(ShapingConfig, TrainedConfig):
    """A policy that is trained against a frozen judge."""

    train: Literal["grpo"] = Field(description="Training: GRPO.")
    parent: Name | None = Field(
        None, alias="from", description="Policy that training starts from.", examples=["sft"]
    )
    base: Name | None = Field(
        None, description="Name under bases that training starts from, in place of from."
    )
    reward: StoryRewardsConfig | None = Field(
        None,
        description="Reward by a judge, or by a Python file of your own ({function: my_reward.py}), or a "
        "list of rewards, whose weighted sum counts. Leave it out with constraints.mode: verifier_only.",
        examples=[{"judge": "genrm-grpo"}],
    )
    diversity: DiversityConfig | None = Field(
        None,
        description="Bonus for what a story adds to its group, beside the reward: {weight, "
        "quality_quantile, n, sentence_model}. Empty: none.",
    )
    constraints: ConstraintsConfig | None = Field(
        None, description="Effect of broken constraints on the reward. Empty: none, and none is verified."
    )
    truncated: Literal["kept", "masked", "violation"] = Field(
        "kept",
        description="Treatment of a story that training.max_completion_length cut. kept: that of a whole "
        "one. masked: nothing is learned from it, though its reward counts in its group (TRL's "
        "mask_truncated_completions). violation: it breaks a constraint, and constraints.mode says what "
        "that costs.",
    )
    advantage: Literal["group", "reward"] = Field(
        "group",
        description="Advantage of a story. group: TRL's normalization by the group. reward: the "
        "reward itself, "
        "without groups whose skew is above max_skew (BRPO).",
    )
    max_skew: float = Field(
        0.6, ge=0, description="Largest absolute mean reward of a group that is kept (advantage: reward)."
    )
    select: SelectConfig | None = Field(
        None,
        description="Win rates over the start by the reward's judge and by another, and the choice of the "
        "best checkpoint: {judge, every, contexts, publish}. Empty: neither, and the last checkpoint.",
    )
    snapshots: SnapshotsConfig | None = Field(
        None, description="Stories written during training, for the gallery: {every, contexts}. Empty: none."
    )
    watch: WatchConfig = Field(
        default_factory=WatchConfig, description="Signs of collapse, and the reaction to them."
    )
    training: GRPOOptions = Field(default_factory=dict, description="Options of TRL's GRPOConfig.")

    @property
    def rewards(self) -> list[StoryRewardConfig | FunctionRewardConfig]:
        if self.reward is None:
            return []
        return self.reward if isinstance(self.reward, list) else [self.reward]

    @property
    def judge_rewards(self) -> list[StoryRewardConfig]:
        """The rewards by judges."""
        return [reward for reward in self.rewards if isinstance(reward, StoryRewardConfig)]

    @property
    def function_rewards(self) -> list[FunctionRewardConfig]:
        """The rewards by files."""
        return [reward for reward in self.rewards if isinstance(reward, FunctionRewardConfig)]

    @model_validator(mode="after")
    def _distinct_judges(self) -> GRPOPolicyConfig:
        judges = [reward.judge for reward in self.judge_rewards]
        sources = [*judges, *(reward.function.stem for reward in self.function_rewards)]
        verifier_only = self.constraints is not None and self.constraints.mode == "verifier_only"
        if verifier_only and (sources or self.select):
            raise ValueError(
                "constraints.mode is verifier_only: leave out reward and select, which ask judges"
            )
        if not (sources or verifier_only) or len(set(sources)) < len(sources):
            raise ValueError(f"reward needs at least one entry and no judge or file twice, has {sources}")
        if self.select is not None and self.select.judge in judges:
            raise ValueError(f"select.judge {self.select.judge!r} is the reward's; it must be another one")
        return self

    @model_validator(mode="after")
    def _bonus(self) -> GRPOPolicyConfig:
        """A bonus needs a quality that comes first, and a group whose mean it is compared with."""
        if self.diversity is not None and not self.rewards:
            raise ValueError(
                "diversity is a bonus beside reward, and constraints.mode verifier_only has none: leave "
                "diversity out"
            )
        if self.diversity is not None and self.advantage == "reward":
            raise ValueError(
                "diversity needs advantage: group; with advantage: reward a bonus, which is never negative, "
                "would be an advantage of every story that earns one"
            )
        return self

    @model_validator(mode="after")
    def _truncated_stories(self) -> GRPOPolicyConfig:
        masks = self.training.get("mask_truncated_completions")
        if masks is not None and masks != (self.truncated == "masked"):
            raise ValueError(
                f"training.mask_truncated_completions {masks} contradicts truncated: {self.truncated}; leave "
                "it out, truncated: masked sets it"
            )
        if self.truncated == "violation" and self.constraints is None:
            raise ValueError(
                "truncated: violation needs constraints, whose mode says what a violation costs; set "
                "constraints: {mode: penalty}, which contexts without constraints allow, or truncated: masked"
            )
        return self

    @property
    def judges(self) -> list[str]:
        """The judges that answer during training: the rewards', then select's."""
        judges = [reward.judge for reward in self.judge_rewards]
        return judges if self.select is None else [*judges, self.select.judge]

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


# The tags of policies without training, by the key that tells them apart; the last if none is there.
_UNTRAINED = {name: f"none, with {name}" for name in ("base", "best_of", "backend", "stories")}
UNTRAINED_TAGS = tuple(_UNTRAINED.values())


def _policy_tag(value: Any) -> str | None:
    fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    if fields.get("train") != "none":
        return fields.get("train")
    return next((tag for key, tag in _UNTRAINED.items() if key in fields), UNTRAINED_TAGS[-1])


PolicyConfig = Annotated[
    Annotated[SFTPolicyConfig, Tag("sft")]
    | Annotated[GRPOPolicyConfig, Tag("grpo")]
    | Annotated[DPOPolicyConfig, Tag("dpo")]
    | Annotated[BasePolicyConfig, Tag(UNTRAINED_TAGS[0])]
    | Annotated[BestOfPolicyConfig, Tag(UNTRAINED_TAGS[1])]
    | Annotated[EndpointPolicyConfig, Tag(UNTRAINED_TAGS[2])]
    | Annotated[ExternalPolicyConfig, Tag(UNTRAINED_TAGS[3])],
    Discriminator(_policy_tag),
]

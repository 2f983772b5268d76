"""The entries of judges that are trained: Bradley-Terry models and GenRMs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlcs.config.genrm import GenrmRewardConfig, HeadroomConfig, KeepBetterConfig
from rlcs.config.section import Distinct, GRPOOptions, Name, RewardOptions, SFTOptions
from rlcs.config.training import (
    EarlyStoppingConfig,
    LearnedConfig,
    ShapingConfig,
    TrainedConfig,
    TrainingPairsConfig,
)
from rlcs.config.untrained_judges import ModelJudgeConfig
from rlcs.records import ORDERS

EARLY_STOPPING = Field(
    None,
    description="Choice of the step with the lowest loss on held-out training pairs: {share, every, "
    "patience}. Empty: the last step.",
)

KEEP_BETTER = Field(
    default_factory=KeepBetterConfig,
    description="Publish the parent if it is more accurate on validation pairs than the trained model, by p "
    "over both orders, then by single verdicts: {pairs}. Empty: the trained model, whatever it is worth.",
    examples=[{"pairs": 500}],
)

FOLDS = Field(
    5, ge=2, description="Number of folds of the cross-validation on training pairs, split by context."
)

TRAINER_BATCH_SIZE = 8  # the default of transformers' per_device_train_batch_size

Way = Literal["probe", "lora", "full"]


class ScalarJudgeConfig(TrainingPairsConfig, TrainedConfig):
    """A Bradley-Terry reward model, which scores each story by itself: the baseline."""

    kind: Literal["scalar"] = Field(description="Kind of judge: a scalar reward model.")
    base: Name = Field(description="Name under bases that training starts from.", examples=["world"])
    train: Way | list[Way] | None = Field(
        None,
        description="Part that is trained. probe: a linear reward on the frozen base, for few pairs. "
        "lora: adapters. "
        "full: all weights. With a list, cross-validation chooses. Empty: lora if lora is set, else full.",
    )
    features: Literal["states", "perplexity"] = Field(
        "states",
        description="Features of a probe: the base's hidden states, or the perplexity of the story "
        "under the base, "
        "which is a baseline.",
    )
    folds: int = FOLDS
    training: RewardOptions = Field(
        default_factory=dict,
        description="Options of TRL's RewardConfig. With eval_strategy, accuracy and loss on validation "
        "pairs are logged.",
    )

    @property
    def ways(self) -> list[Way]:
        """The ways in which it may be trained."""
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


class GenrmSFTConfig(TrainingPairsConfig, TrainedConfig, ModelJudgeConfig):
    """A generative reward model that learns a teacher's chains by SFT."""

    train: Literal["sft"] = Field(description="Training: SFT.")
    base: Name = Field(description="Name under bases that training starts from.", examples=["world"])
    teacher: Name | None = Field(
        None,
        description="Generative judge whose chains are learned. Empty: scores from the labels, the "
        "highest for "
        "the preferred story and the lowest for the other.",
        examples=["teacher-world"],
    )
    chains: Literal["filtered", "unfiltered"] = Field(
        "filtered",
        description="Chains to learn: those that the consistency filter keeps, or all that can be read.",
    )
    analysis: bool = Field(
        True, description="True to learn the analysis and the scores, false for the scores alone."
    )
    early_stopping: EarlyStoppingConfig | None = EARLY_STOPPING
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")

    @model_validator(mode="after")
    def _chains(self) -> GenrmSFTConfig:
        if self.teacher is None and (self.analysis or self.chains == "unfiltered"):
            raise ValueError(
                "without a teacher there are no chains: set analysis to false, chains to filtered"
            )
        return self


class GenrmVerdictsConfig(TrainingPairsConfig, TrainedConfig, ModelJudgeConfig):
    """A generative reward model that learns the labels' verdicts on analyses of its own, by SFT."""

    train: Literal["verdicts"] = Field(description="Training: verdicts on its own analyses.")
    parent: Name | None = Field(
        None,
        alias="from",
        description="Judge that writes the analyses and that training starts from. With another judge of "
        "this kind, it is a further round.",
        examples=["genrm-sft"],
    )
    base: Name | None = Field(None, description="Name under bases, in place of from.")
    soft_labels: bool = Field(
        False,
        description="False: the label decides every verdict. True: of a pair with a soft label p, the share "
        "p of the verdicts prefers story a.",
    )
    samples: int = Field(1, ge=1, description="Number of analyses of each pair in each order.")
    temperature: float = Field(
        0.0, ge=0, description="Sampling temperature of the analyses; 0 is greedy decoding."
    )
    analysis_weight: float = Field(1.0, ge=0, description="Weight of an analysis' mean loss per token.")
    score_weight: float = Field(4.0, gt=0, description="Weight of the two scores' mean loss per token.")
    early_stopping: EarlyStoppingConfig | None = EARLY_STOPPING
    keep_better: KeepBetterConfig | None = KEEP_BETTER
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")

    @model_validator(mode="after")
    def _different_samples(self) -> GenrmVerdictsConfig:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                f"{self.samples} samples at temperature 0 are the same analysis; set a temperature"
            )
        return self

    @model_validator(mode="after")
    def _whole_pairs(self) -> GenrmVerdictsConfig:
        batch = self.training.get("per_device_train_batch_size", TRAINER_BATCH_SIZE)
        if isinstance(batch, int) and batch % len(ORDERS):
            raise ValueError(
                f"training.per_device_train_batch_size {batch} must be even, or the two orders of a pair are "
                "in two batches"
            )
        if joining := [name for name in ("packing", "padding_free") if self.training.get(name)]:
            raise ValueError(f"training.{joining[0]} joins examples, and the loss weighs each by itself")
        return self


AnalysisFeatures = Literal["numbers", "states"]


class GenrmProbeConfig(TrainingPairsConfig, LearnedConfig, ModelJudgeConfig):
    """A linear probe on the analyses that a generative reward model writes, which stays as it is."""

    train: Literal["probe"] = Field(description="Training: a linear probe on its analyses.")
    reads: Literal["pair"] = Field(
        "pair", description="Stories that one answer speaks of: two, whose analyses the probe compares."
    )
    parent: Name | None = Field(
        None, alias="from", description="Judge that writes the analyses.", examples=["genrm-sft"]
    )
    base: Name | None = Field(None, description="Name under bases, in place of from.")
    features: Annotated[list[AnalysisFeatures], Distinct] = Field(
        ["numbers", "states"],
        min_length=1,
        description="Features of an analysis, among which cross-validation chooses. numbers: the integers "
        "that it states, in order. states: the model's hidden states over it, for which judging.engine must "
        "be transformers.",
    )
    folds: int = FOLDS


class GenrmGRPOConfig(TrainingPairsConfig, GenrmRewardConfig, ShapingConfig, TrainedConfig, ModelJudgeConfig):
    """A generative reward model, refined by GRPO for right verdicts; an answer that cannot be read has -1."""

    train: Literal["grpo"] = Field(description="Training: GRPO.")
    parent: Name | None = Field(
        None, alias="from", description="Judge that training starts from.", examples=["genrm-sft"]
    )
    base: Name | None = Field(
        None, description="Name under bases that training starts from, in place of from."
    )
    headroom: HeadroomConfig | None = Field(
        None,
        description="Measurement before training of what the best of a group gains over the greedy answer: "
        "{pairs}. Empty: none.",
    )
    keep_better: KeepBetterConfig | None = KEEP_BETTER
    training: GRPOOptions = Field(default_factory=dict, description="Options of TRL's GRPOConfig.")

    @model_validator(mode="after")
    def _sum_of_rewards(self) -> GenrmGRPOConfig:
        several = self.training.get("multi_objective_aggregation", "sum_then_normalize")
        if (self.baseline == "pair" or self.evidence) and several != "sum_then_normalize":
            option = "baseline: pair" if self.baseline == "pair" else "evidence"
            raise ValueError(
                f"{option} takes the mean of summed rewards, but training.multi_objective_aggregation is "
                f"{several!r}: leave it out"
            )
        if self.evidence and "reward_weights" in self.training:
            raise ValueError(
                f"evidence.weight is {self.evidence.weight:g}, and training.reward_weights is "
                f"{self.training['reward_weights']!r}: leave the latter out"
            )
        return self

    @property
    def groups_per_unit(self) -> int:
        """Number of prompts that stay together: 2 with ``reads: story``, else as in ``GenrmRewardConfig``."""
        return len(ORDERS) if self.reads == "story" else super().groups_per_unit

    @model_validator(mode="after")
    def _reward_of_stories(self) -> GenrmGRPOConfig:
        if self.reads == "story" and self.reward != "verdict":
            raise ValueError(
                f"reads: story needs reward: verdict, which compares the scores of a pair's two stories, not "
                f"{self.reward}"
            )
        for name in ("evidence", "headroom"):
            if self.reads == "story" and getattr(self, name) is not None:
                raise ValueError(f"{name} needs reads: pair, since it reads answers about two stories")
        return self

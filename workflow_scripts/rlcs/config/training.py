"""The keys that trained judges and policies share."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from rlcs.config.section import File, ModelConfig, Names, Section
from rlcs.records import HUMAN

LabelSources = Annotated[
    Names,
    Field(
        default_factory=lambda: [HUMAN],
        min_length=1,
        description="Sources of the training pairs: human (pairs that came with labels) and names "
        "under consensus.",
    ),
]


class EarlyStoppingConfig(Section):
    """The end of a training by its loss on held-out training pairs."""

    share: float = Field(0.15, gt=0, lt=1, description="Share of the training contexts to hold out.")
    every: int = Field(20, ge=1, description="Steps between two evaluations.")
    patience: int = Field(
        3, ge=1, description="Number of evaluations without progress after which training ends."
    )


HumanLabels = Annotated[
    int | None,
    Field(
        None,
        ge=1,
        description="Number of human labels to train on, for a curve over labels: a seed's larger numbers "
        "contain its smaller ones. Labels of a consensus are not limited. Empty: all.",
    ),
]


class TrainingPairsConfig(Section):
    """The labelled pairs that a judge or policy is trained on."""

    label_sources: LabelSources
    human_labels: HumanLabels
    domains: Names | None = Field(
        None,
        min_length=1,
        description="Domains of the pairs, for a table of transfer between domains. Empty: all.",
        examples=[["quest"]],
    )
    cohorts: Names | None = Field(
        None,
        min_length=1,
        description="Cohorts of the human labels: pairs all of whose votes come from one of them. Labels of "
        "a consensus have none. Empty: all.",
        examples=[["editors"]],
    )


class AdapterConfig(Section):
    """Low-rank adapters (peft) in place of full training. The published model is merged."""

    r: int = Field(16, ge=1, description="Rank of the adapters.")
    alpha: int = Field(
        32, ge=1, description="Scale of the adapters: their output is multiplied by alpha / r."
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout probability before the adapters.")
    target_modules: Literal["all-linear"] | list[str] = Field(
        "all-linear",
        description="Names of the modules with adapters; all-linear: all linear layers but the head.",
    )
    exclude_modules: str | None = Field(
        None,
        description="Regular expression for the full names of modules without adapters, such as "
        "lower layers: there "
        "is no backward pass below the lowest adapter. Empty: none.",
        examples=[r".*\.layers\.1?[0-9]\..*"],
    )

    @field_validator("exclude_modules")
    @classmethod
    def _expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"exclude_modules {value!r} is not a regular expression: {error}") from error
        return value


class LearnedConfig(ModelConfig):
    """A judge or policy that a stage makes from the run's data, once for each seed."""


Precision = Literal["float32", "bfloat16"]


class TrainedConfig(LearnedConfig):
    """A judge or policy that a trainer of TRL makes."""

    lora: AdapterConfig | None = Field(
        None,
        description="Low-rank adapters: {r, alpha, dropout, target_modules, exclude_modules}. Empty: "
        "all weights are "
        "trained.",
    )
    launch: File | None = Field(
        None,
        description="Config file of `accelerate launch`, for a training in several processes: "
        "num_processes of it, on "
        "num_machines. Empty: one process.",
        examples=["config/accelerate/fsdp2-8.yaml"],
    )
    training: dict[str, Any] = Field(default_factory=dict, description="Options of the TRL trainer.")
    dtype: Precision = Field(
        "float32",
        description="Precision of the published weights, in which later stages use them. Training holds "
        "them in float32. bfloat16 halves disk and memory and loses small updates: the log, lost_update.json "
        "and the report say how much.",
    )

    @property
    def groups_per_unit(self) -> int:
        """The number of prompts of a GRPO training that stay together."""
        return 1


class MultipliersConfig(Section):
    """Weights of the four cells of entropy-based shaping (RLCS)."""

    confident_wrong: float = Field(1.5, ge=0, description="Weight of confident and wrong samples.")
    uncertain_correct: float = Field(1.5, ge=0, description="Weight of uncertain and correct samples.")
    confident_correct: float = Field(0.5, ge=0, description="Weight of confident and correct samples.")
    uncertain_wrong: float = Field(1.0, ge=0, description="Weight of uncertain and wrong samples.")


class ShapingConfig(Section):
    """Weights of the advantages by confidence and correctness."""

    shaping: Literal["uniform", "entropy", "entropy_rewards", "continuous", "adaptive", "overconfident"] = (
        Field(
            "uniform",
            description="Weights of the advantages. uniform: none. entropy: the multipliers of the four "
            "cells. entropy_rewards: the same for rewards, before the group's normalization. continuous: "
            "they grow with entropy for correct samples and fall for wrong ones. adaptive: rare cells weigh "
            "more. overconfident: tokens of errors weigh more if the model is surer of them than its "
            "reference, which needs beta > 0.",
        )
    )
    multipliers: MultipliersConfig = Field(
        default_factory=MultipliersConfig, description="Weights of the four cells (entropy, entropy_rewards)."
    )
    strength: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Strength of continuous, adaptive and overconfident shaping; 0 is uniform.",
    )
    window: int = Field(10, ge=1, description="Number of logged steps whose cells adaptive shaping counts.")
    normalize: Literal["none", "mean_weight", "recenter"] = Field(
        "none",
        description="Normalization of the weights. none; mean_weight: the step of uniform weights; "
        "recenter: weighted advantages less their group's mean.",
    )
    entropy: Literal["exact", "sampled"] = Field(
        "exact",
        description="Source of a sample's mean token entropy at temperature 1. exact: one more forward pass. "
        "sampled: an estimate from the log probabilities of its tokens, which costs nothing if TRL computes "
        "them anyway, and needs temperature 1.",
    )

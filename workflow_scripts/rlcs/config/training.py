"""What the entries of trained judges and policies share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from rlcs.config.section import ModelConfig, Section


class EarlyStoppingConfig(Section):
    """When to stop, by a part of the training pairs that is held out of training."""

    share: float = Field(0.15, gt=0, lt=1, description="Of the training contexts that are held out.")
    every: int = Field(20, ge=1, description="Steps between two looks at them.")
    patience: int = Field(3, ge=1, description="Looks without progress before training ends.")


class AdapterConfig(Section):
    """Low-rank adapters (peft) in the place of full training; the published model is merged."""

    r: int = Field(16, ge=1, description="Rank.")
    alpha: int = Field(32, ge=1, description="Scale: an adapter's output is multiplied by alpha / r.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the adapters.")
    target_modules: Literal["all-linear"] | list[str] = Field(
        "all-linear", description="Names of the modules that get adapters; all-linear is all but the head."
    )
    exclude_modules: str | None = Field(
        None,
        description="Regular expression of whole module names that get none, such as those of lower layers: "
        "below the lowest adapter there is no backward pass.",
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


class TrainedConfig(ModelConfig):
    """A judge or policy that a training makes."""

    lora: AdapterConfig | None = Field(
        None,
        description="Train adapters: {r, alpha, dropout, target_modules, exclude_modules}. Empty: train all "
        "weights.",
    )
    launch: Path | None = Field(
        None,
        description="Train in several processes: a config file of `accelerate launch`, whose num_processes "
        "and num_machines say how many. Empty: in one.",
        examples=["config/accelerate/fsdp2-8.yaml"],
    )
    training: dict[str, Any] = Field(default_factory=dict, description="Options of the TRL trainer.")

    @property
    def groups_per_unit(self) -> int:
        """Prompts of a GRPO training that stay together."""
        return 1


class MultipliersConfig(Section):
    """Weights of the four cells of entropy-based shaping (RLCS)."""

    confident_wrong: float = Field(1.5, ge=0, description="Confident and wrong.")
    uncertain_correct: float = Field(1.5, ge=0, description="Uncertain and correct.")
    confident_correct: float = Field(0.5, ge=0, description="Confident and correct.")
    uncertain_wrong: float = Field(1.0, ge=0, description="Uncertain and wrong.")


class ShapingConfig(Section):
    """Weights of the advantages by confidence and correctness."""

    shaping: Literal["uniform", "entropy", "entropy_rewards", "continuous", "adaptive", "overconfident"] = (
        Field(
            "uniform",
            description="Weights of the advantages: none; multipliers of the four cells (entropy), or of the "
            "rewards before the group normalisation (entropy_rewards); growing with entropy where right and "
            "falling with it where wrong (continuous); by how rare a cell has been of late (adaptive); more "
            "weight on tokens of wrong samples of which the model is surer than its reference, which needs "
            "beta > 0 (overconfident).",
        )
    )
    multipliers: MultipliersConfig = Field(
        default_factory=MultipliersConfig, description="Those of entropy and entropy_rewards."
    )
    strength: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Strength of continuous, adaptive and overconfident shaping; 0 is uniform.",
    )
    window: int = Field(10, ge=1, description="Logged steps that adaptive shaping counts cells over.")
    normalize: Literal["none", "mean_weight", "recenter"] = Field(
        "none",
        description="Then: nothing; weights scaled to the step of uniform ones (mean_weight); weighed "
        "advantages less their group's mean (recenter).",
    )
    entropy: Literal["exact", "sampled"] = Field(
        "exact",
        description="A sample's mean token entropy at temperature 1, by one more forward pass; or estimated "
        "from the log probabilities of its tokens if TRL computes those anyway, which costs nothing and "
        "needs temperature 1 (sampled).",
    )

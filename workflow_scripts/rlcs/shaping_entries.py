"""How the advantages of a GRPO training are weighed; part of the entries of GenRMs and policies alike."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlcs.options import Section


class Multipliers(Section):
    """Weights of the four cells of entropy-based shaping (RLCS)."""

    confident_wrong: float = Field(1.5, ge=0, description="Confident and wrong.")
    uncertain_correct: float = Field(1.5, ge=0, description="Uncertain and correct.")
    confident_correct: float = Field(0.5, ge=0, description="Confident and correct.")
    uncertain_wrong: float = Field(1.0, ge=0, description="Uncertain and wrong.")


class Shaped(Section):
    """Weights of the advantages by confidence and correctness."""

    shaping: Literal["uniform", "entropy", "entropy_rewards", "continuous", "adaptive"] = Field(
        "uniform",
        description="Weights of the advantages: none; multipliers of the four cells (entropy), or of the "
        "rewards before the group normalisation (entropy_rewards); growing with entropy where right and "
        "falling with it where wrong (continuous); by how rare a cell has been of late (adaptive).",
    )
    multipliers: Multipliers = Field(
        default_factory=Multipliers, description="Those of entropy and entropy_rewards."
    )
    strength: float = Field(0.5, ge=0, le=1, description="Of continuous and adaptive shaping; 0 is uniform.")
    window: int = Field(10, ge=1, description="Logged steps that adaptive shaping counts cells over.")
    normalise: Literal["none", "mean_weight", "recentre"] = Field(
        "none",
        description="Then: nothing; weights over their mean; weighed advantages less their group's mean.",
    )
    entropy: Literal["exact", "sampled"] = Field(
        "exact",
        description="A sample's mean token entropy by one more forward pass, or estimated from the log "
        "probabilities of its tokens where TRL computes those anyway, which costs nothing.",
    )

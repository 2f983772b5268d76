"""What a policy's entry says about the constraints of its contexts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlcs.options import Name, Section


class Constraints(Section):
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

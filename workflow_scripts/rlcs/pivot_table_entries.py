"""The entry of the table that compares designs of pointwise rewards."""

from __future__ import annotations

from pydantic import Field

from rlcs.options import Name, Names, Section


class PivotTable(Section):
    """Designs of pointwise rewards against the tiny world's utility, without any training."""

    judges: Names = Field(
        min_length=1, description="Whose comparisons make the points.", examples=[["genrm-grpo", "bt"]]
    )
    policy: Name = Field(description="The policy whose stories are compared.", examples=["sft"])
    contexts: int = Field(40, ge=1, description="Validation contexts, a group of stories each.")
    group_size: int = Field(8, ge=5, description="Stories per group; more than the most pivots, 4.")

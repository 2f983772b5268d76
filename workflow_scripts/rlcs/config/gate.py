"""The config of the gate between judges and policies."""

from __future__ import annotations

from pydantic import Field

from rlcs.config.section import Section


class GateConfig(Section):
    """Limits that a judge must keep on validation pairs before it rewards a policy."""

    pairs: int = Field(
        300, ge=2, description="Largest number of labelled validation pairs to judge, each in both orders."
    )
    min_accuracy: float | None = Field(
        0.5,
        ge=0,
        lt=1,
        description="Accuracy that the whole 95 % interval must be above; 0.5 is chance. A verdict that "
        "cannot be read counts one half. Empty: no limit.",
    )
    max_flip_rate: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Largest share of pairs whose two orders disagree; two coins disagree in 0.5 of them. "
        "1: no limit.",
    )
    max_unparsed_share: float = Field(
        0.2, ge=0, le=1, description="Largest share of judgements without a verdict. 1: no limit."
    )

"""The entries of the effects table: claims as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from rlcs.options import Names, Section

MetricName = Literal[
    "accuracy_difference",
    "flip_rate",
    "chain_correctness",
    "constraints_difference",
    "length_difference",
    "win_rate",
    "rewarded_violators",
]


@dataclass(frozen=True)
class Systems:
    """What a metric is told: names of a registry, and what each of them is."""

    registry: Literal["judges", "policies"]
    roles: tuple[str, ...]
    shows: Literal["difference", "share"]


COMPARED = ("the policy", "the policy it is compared with")
METRICS: dict[MetricName, Systems] = {
    "accuracy_difference": Systems("judges", ("the judge", "the judge it is compared with"), "difference"),
    "flip_rate": Systems("judges", ("the judge",), "share"),
    "chain_correctness": Systems("judges", ("the teacher", "the judge that knows the truth"), "difference"),
    "constraints_difference": Systems("policies", COMPARED, "difference"),
    "length_difference": Systems("policies", COMPARED, "difference"),
    "win_rate": Systems("policies", COMPARED, "share"),
    "rewarded_violators": Systems("policies", ("the policy",), "share"),
}


class Effect(Section):
    """A claim, and what must be seen for it to hold; figures in per cent or points."""

    claim: str = Field(description="The claim.", examples=["GRPO beats SFT"])
    metric: MetricName = Field(
        description="accuracy_difference: of two judges on the same held-out pairs. flip_rate: of a judge. "
        "chain_correctness: of a teacher's kept chains less that of all, by a judge that knows the truth. "
        "constraints_difference, length_difference (in per cent of the second's), win_rate (by the first "
        "judge of tables.win_rates): of two policies for the same held-out contexts. rewarded_violators: "
        "of a training's violators, those whose advantage was not negative, though not all in their group "
        "violate.",
        examples=["accuracy_difference"],
    )
    systems: Names = Field(
        description="Whom the metric looks at, in its order.", examples=[["genrm-grpo", "genrm-sft"]]
    )
    above: float | None = Field(
        None, description="It holds where the whole interval lies above this.", examples=[0.0]
    )
    below: float | None = Field(None, description="It holds where the whole interval lies below this.")
    paper: str | None = Field(None, description="What the paper states, as text.")
    reach: float | None = Field(None, description="The size to reach, whatever the interval.")
    note: str | None = Field(None, description="What a reader must know, such as what was tried.")

    @model_validator(mode="after")
    def _expectation(self) -> Effect:
        if self.above is None and self.below is None:
            raise ValueError("nothing is expected: set above, below or both")
        roles = METRICS[self.metric].roles
        if len(self.systems) != len(roles):
            raise ValueError(
                f"{self.metric} needs {len(roles)} systems ({', '.join(roles)}), not {self.systems}"
            )
        return self

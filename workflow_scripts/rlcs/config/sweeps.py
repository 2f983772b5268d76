"""The config of sweeps: figures of a table's column over a key of the entries, such as a number of labels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rlcs.config.section import Names, Section

SweepMetric = Literal["accuracy", "accuracy_both_orders", "flip_rate", "win_rate", "length_controlled"]
SweepTable = Literal["alignment", "win_rates"]

_POLICY_METRICS = ("win_rate", "length_controlled")


class SweepConfig(Section):
    """A figure over a key of the entries, with a line for each series and the 95 % intervals of its table."""

    title: str = Field(
        description="Title of the figure.", examples=["Accuracy over the size of the group in GRPO"]
    )
    metric: SweepMetric = Field(
        description="Column of a table. accuracy, accuracy_both_orders, flip_rate: of tables.alignment. "
        "win_rate, length_controlled: of tables.win_rates, by the first of its judges.",
        examples=["accuracy_both_orders"],
    )
    x: str = Field(
        description="Key of the entries whose value is a number, with dots for keys in sections. base leads "
        "to the base that an entry comes from.",
        examples=["training.num_generations"],
    )
    series: dict[str, Annotated[Names, Field(min_length=1)]] = Field(
        min_length=1,
        description="Entries of each line by the line's name. All are rows of the metric's table, and each "
        "states the key.",
        examples=[{"GenRM": ["genrm-g4", "genrm-g8", "genrm-g16"]}],
    )
    log_x: bool = Field(False, description="True for a logarithmic axis.")
    x_label: str | None = Field(None, description="Words below the axis. Empty: the key.")
    lines: list[str] = Field(
        default_factory=list,
        description="Further rows of the table, each a horizontal line: an entry, or in tables.alignment "
        "also people, length only, sentence length, majority.",
        examples=[["people", "bt"]],
    )

    @property
    def registry(self) -> Literal["judges", "policies"]:
        """The registry of the entries."""
        return "policies" if self.metric in _POLICY_METRICS else "judges"

    @property
    def table(self) -> SweepTable:
        """The table that has the metric."""
        return "win_rates" if self.metric in _POLICY_METRICS else "alignment"

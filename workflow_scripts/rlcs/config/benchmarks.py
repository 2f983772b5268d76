"""The config of a benchmark: a held-out source of pairs that the run's judges are measured on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rlcs.config.section import File
from rlcs.config.sources import HubDatasetConfig, SourceConfig

# The licences that the publishers of known benchmarks state.
LICENCES = {
    "litbench": "CC BY 4.0",
    "litbench_test": "none stated; the texts are under Reddit's terms",
    "writing_preference_bench": "none stated",
    "reward_bench_2": "ODC-BY by the card of the first version",
    "story_rmb": "not published",
}

Metric = Literal["pairs", "best_of"]


class BenchmarkConfig(SourceConfig):
    """A held-out source of pairs; all of it is for testing."""

    preferences: list[File] | None = Field(
        None,
        description="Files with the benchmark (JSON, JSONL, CSV, TSV or Parquet) or folders of them. "
        "Empty: hub.",
    )
    hub: HubDatasetConfig | None = Field(
        None,
        description="Data set on a model hub, in place of files: {name, revision, config, split}. "
        "Empty: preferences.",
    )
    licence: str | None = Field(
        None, description="Licence of the data, which the table states. Empty: the preset's."
    )
    metric: Metric | None = Field(
        None,
        description="Measured quantity. pairs: accuracy of verdicts on pairs, in both orders. best_of: share "
        "of rows in which a chosen story beats every rejected one. Empty: best_of for the format best_of, "
        "else pairs.",
    )
    most_pairs: int | None = Field(
        None, ge=1, description="Largest number of pairs to use, drawn by context. Empty: all."
    )

    @model_validator(mode="after")
    def _measured(self) -> BenchmarkConfig:
        if self.preferences is None and self.hub is None:
            raise ValueError("names no source: set preferences, files with the benchmark, or hub")
        if self.metric == "best_of" and self.format != "best_of":
            raise ValueError(
                f"metric best_of needs rows with several stories, but the format is {self.format}: set the "
                "format to best_of, or the metric to pairs"
            )
        return self

    @property
    def stated_licence(self) -> str | None:
        """The licence that is stated, or that of the preset."""
        return self.licence or LICENCES.get(self.preset or "")

    @property
    def measured(self) -> Metric:
        """The metric that is stated, or that of the format."""
        return self.metric or ("best_of" if self.format == "best_of" else "pairs")

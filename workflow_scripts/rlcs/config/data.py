"""The config of the preferences: where they come from, their shape, and what may be lost of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from rlcs.config.section import Section
from rlcs.constraints.registry import parse_constraint
from rlcs.records import Constraint


class SplitsConfig(Section):
    """Shares of the contexts, by a hash of the context, where a file names no split."""

    train: float = Field(0.8, ge=0, le=1, description="Share of contexts that train judges and policies.")
    validation: float = Field(0.05, ge=0, le=1, description="Share for choosing recipes and for curves.")
    test: float = Field(0.15, ge=0, le=1, description="Share that only the tables see.")

    @model_validator(mode="after")
    def _sum_to_one(self) -> SplitsConfig:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError(
                f"train {self.train} + validation {self.validation} + test {self.test} must sum to 1"
            )
        return self


class HubDatasetConfig(Section):
    """A data set on a model hub."""

    name: str = Field(description="Its id, or a folder laid out as one.")
    revision: str | None = Field(
        None,
        pattern="^[0-9a-f]{40}$",
        description="Commit of its repository. Empty: the newest when it is first read, as the log tells.",
    )
    config: str | None = Field(None, description="Its configuration, where it has several.")
    split: str = Field(
        "train", description="Its split that is read; the workflow's own splits are made of it."
    )


class SubsetConfig(Section):
    """How many pairs are used of a data set that is larger than a run needs; all where a number is empty."""

    labelled: int | None = Field(None, ge=1, description="Training pairs that keep their label.")
    unlabelled: int | None = Field(
        None,
        ge=0,
        description="Pairs without a label, for a consensus: those of the data, then training pairs beyond "
        "labelled, whose label is set aside.",
    )
    validation: int | None = Field(None, ge=1, description="Validation pairs.")
    test: int | None = Field(None, ge=1, description="Held-out pairs.")


class DrawnConstraintsConfig(Section):
    """Constraints for contexts that state none, so that their stories have something to keep."""

    pool: list[dict[str, Any]] = Field(
        min_length=1,
        description="Constraints, each {kind, parameters}, as in docs/constraints.md.",
        examples=[[{"kind": "max_words", "parameters": {"n": 400}}]],
    )
    max_per_context: int = Field(
        2, ge=1, description="Most constraints of a context; it gets at least one, and no kind twice."
    )

    @property
    def constraints(self) -> list[Constraint]:
        """The pool."""
        return [Constraint(str(entry.get("kind")), entry.get("parameters", {})) for entry in self.pool]

    @model_validator(mode="after")
    def _can_be_stated(self) -> DrawnConstraintsConfig:
        for constraint in self.constraints:
            parse_constraint(constraint)
        return self


class StoryLengthConfig(Section):
    """How long a story may be, so that what follows fits into the models' context windows."""

    max_words: int = Field(ge=1, description="Longest story in words.", examples=[400])
    too_long: Literal["drop", "truncate"] = Field(
        "drop",
        description="What becomes of a longer story: its row is quarantined, or it is truncated at the last "
        "sentence's end within the limit, and counted.",
    )


class RatingsConfig(Section):
    """How pairs are made of ratings of single stories."""

    criteria: list[str] = Field(default_factory=list, description="Columns with scores; their mean counts.")
    margin: float = Field(1.0, gt=0, description="Least difference of two stories' mean ratings for a label.")
    tie_margin: float | None = Field(
        None,
        ge=0,
        description="Largest difference that is a tie. Empty: pairs below the margin are left out.",
    )

    @model_validator(mode="after")
    def _apart(self) -> RatingsConfig:
        if self.tie_margin is not None and self.tie_margin >= self.margin:
            raise ValueError(f"tie_margin {self.tie_margin} must be less than margin {self.margin}")
        return self


# Data sets that people use often, as their authors publish them: what a config need not repeat.
PRESETS: dict[str, dict[str, Any]] = {
    "litbench": {
        "format": "chosen_rejected",
        "columns": {"chosen": "chosen_story", "rejected": "rejected_story"},
    },
    "hanna": {
        "format": "ratings",
        "columns": {"prompt": "Prompt", "story": "Story", "rater": "Worker ID"},
        "ratings": {
            "criteria": ["Relevance", "Coherence", "Empathy", "Surprise", "Engagement", "Complexity"]
        },
    },
}


class DataConfig(Section):
    """Where preferences come from and what may be lost of them."""

    preferences: list[Path] | None = Field(
        None, description="Preference files (JSONL, CSV or Parquet). Empty, without hub: the tiny world."
    )
    hub: HubDatasetConfig | None = Field(
        None, description="Or a data set on a model hub: {name, revision, config, split}."
    )
    preset: Literal["litbench", "hanna"] | None = Field(
        None, description="Format, columns and criteria of a known data set; your own keys win."
    )
    format: Literal["pairs", "chosen_rejected", "ratings"] = Field(
        "pairs", description="A row is a pair, a chosen and a rejected story, or a rating of one story."
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="Names of the workflow's fields in your data: {story_a: first}."
    )
    ratings: RatingsConfig = Field(
        default_factory=RatingsConfig, description="How pairs are made of ratings."
    )
    story_length: StoryLengthConfig | None = Field(
        None, description="How long a story may be: {max_words, too_long}. Empty: as long as it is."
    )
    contexts: list[Path] = Field(
        default_factory=list,
        description="Files of contexts without pairs, which policies write for (JSONL, CSV or Parquet).",
    )
    splits: SplitsConfig = Field(
        default_factory=SplitsConfig, description="Split by context where the file has none."
    )
    draw_constraints: DrawnConstraintsConfig | None = Field(
        None,
        description="Constraints drawn for contexts that state none: {pool, max_per_context}. Empty: none. "
        "The pairs' stories were not written to keep them, so judges should not be shown them.",
    )
    subset: SubsetConfig = Field(
        default_factory=SubsetConfig, description="How many pairs are used, if not all."
    )
    seed: int = Field(
        0, description="Seed of the split, of the subset, and of which of two stories becomes a."
    )
    max_quarantine_share: float = Field(
        0.05, ge=0, le=1, description="The run stops where more than this share of the rows is unusable."
    )

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        preset = PRESETS.get(str(values.get("preset"))) if isinstance(values, dict) else None
        if preset is None:
            return values
        merged = dict(values)
        for key, value in preset.items():
            stated = values.get(key, {} if isinstance(value, dict) else value)
            both_dicts = isinstance(value, dict) and isinstance(stated, dict)
            merged[key] = {**value, **stated} if both_dicts else stated
        return merged

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if self.preferences is not None and self.hub is not None:
            raise ValueError("names both preferences and hub: keep one")
        if self.format == "ratings" and not self.ratings.criteria:
            raise ValueError("format ratings needs ratings.criteria, the columns with the scores")
        return self

    @property
    def user_supplied(self) -> bool:
        """True if a user supplies the preferences, False if the tiny world makes them."""
        return self.preferences is not None or self.hub is not None

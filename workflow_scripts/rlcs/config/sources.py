"""The config of a source of pairs: its files or data set, its format, columns and labels, and known ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from rlcs.config.section import File, Section
from rlcs.records import FILE_KINDS, UNKNOWN, Label, label_key


class HubDatasetConfig(Section):
    """A data set on a model hub."""

    name: str = Field(description="Id of the data set, or a local folder with the same layout.")
    revision: str | None = Field(
        None,
        pattern="^[0-9a-f]{40}$",
        description="Commit of its repository. Empty: the newest; the log names it.",
    )
    config: str | None = Field(None, description="Name of its configuration. Empty: its only one.")
    split: str = Field(
        "train", description="Split of the data set to read. The workflow makes its own splits of it."
    )


class StoryLengthConfig(Section):
    """The longest story, so that prompts fit into the models' context windows."""

    max_words: int = Field(
        ge=1, description="Longest story in words (UAX #29; a Chinese character is one).", examples=[400]
    )
    too_long: Literal["drop", "truncate"] = Field(
        "drop",
        description="Treatment of a longer story. drop: its row is quarantined. truncate: it ends "
        "with the last whole sentence within the limit, or the last line, that leaves half of the allowed "
        "words; else with the last word. It is counted.",
    )


class LabelScaleConfig(Section):
    """A scale from one story to the other, such as 1 (a is much better) to 7 (b is much better)."""

    a: float = Field(description="The number that prefers a most.", examples=[1])
    b: float = Field(description="The number that prefers b most.", examples=[7])
    margin: float = Field(
        0, ge=0, description="Largest distance from the middle of the scale that counts as a tie."
    )

    @model_validator(mode="after")
    def _apart(self) -> LabelScaleConfig:
        if self.margin >= abs(self.a - self.b) / 2:
            raise ValueError(
                f"margin {self.margin} must be less than half of the scale from {self.a} to {self.b}"
            )
        return self


class RatingsConfig(Section):
    """Pairs from ratings of single stories."""

    criteria: list[str] = Field(
        default_factory=list, description="Columns with scores; a story's rating is their mean."
    )
    raters: list[str] = Field(
        default_factory=list,
        description="Columns with one person's score each, in place of criteria and a column for the rater.",
    )
    margin: float = Field(
        1.0, gt=0, description="Smallest difference of two stories' ratings that gives a label."
    )
    tie_margin: float | None = Field(
        None,
        ge=0,
        description="Largest difference that counts as a tie. Empty: no ties; pairs below the margin "
        "are left out.",
    )

    @property
    def columns(self) -> list[str]:
        """The columns with scores."""
        return self.criteria or self.raters

    @model_validator(mode="after")
    def _apart(self) -> RatingsConfig:
        if self.criteria and self.raters:
            raise ValueError("names both criteria and raters: keep one")
        if self.tie_margin is not None and self.tie_margin >= self.margin:
            raise ValueError(f"tie_margin {self.tie_margin} must be less than margin {self.margin}")
        return self


# Known data sets as their authors publish them: keys that a config need not repeat.
Preset = Literal[
    "litbench", "hanna", "litbench_test", "writing_preference_bench", "reward_bench_2", "story_rmb"
]
# Comments that were deleted since are empty cells or say so, as many as Reddit has lost.
_LITBENCH = {
    "format": "chosen_rejected",
    "columns": {"chosen": "chosen_story", "rejected": "rejected_story"},
    "max_quarantine_share": 0.25,
}
PRESETS: dict[str, dict[str, Any]] = {
    "litbench": _LITBENCH,
    "hanna": {
        "format": "ratings",
        "columns": {"prompt": "Prompt", "story": "Story", "rater": "Worker ID"},
        "ratings": {
            "criteria": ["Relevance", "Coherence", "Empathy", "Surprise", "Engagement", "Complexity"]
        },
    },
    "litbench_test": _LITBENCH,
    "writing_preference_bench": {
        "format": "chosen_rejected",
        "columns": {"chosen": "chosen.response", "rejected": "rejected.response", "domain": "tag"},
    },
    # An answer to a row of Ties is right by other rules: several answers are correct, and none is best.
    "reward_bench_2": {
        "format": "best_of",
        "columns": {"domain": "subset"},
        "leave_out": {"domain": ["Ties"]},
    },
    "story_rmb": {"format": "best_of"},
}
OF_REDDIT = ("litbench", "litbench_test")
"""Presets of comments, whose text may be Reddit's word for a deleted one."""


def without_wildcards(files: list[Path] | None) -> list[Path] | None:
    """Return paths of files as they are.

    Raises:
        ValueError: a path has braces.
    """
    for file in files or []:
        if {"{", "}"} & set(str(file)):
            raise ValueError(
                f"{str(file)!r} has braces, which Snakemake reads as a wildcard: rename the file"
            )
    return files


class SourceConfig(Section):
    """A source of pairs: files or a data set, their format, columns and labels."""

    preferences: list[File] | None = Field(
        None,
        description="Preference files (JSON, JSONL, CSV, TSV or Parquet) or folders of them. Empty: hub, "
        "or else the tiny world.",
    )
    hub: HubDatasetConfig | None = Field(
        None,
        description="Data set on a model hub, in place of files: {name, revision, config, split}. "
        "Empty: none.",
    )
    preset: Preset | None = Field(
        None,
        description="Known data set whose format, columns and criteria are set; keys that you set "
        "yourself win. Empty: none.",
    )
    format: Literal["pairs", "chosen_rejected", "best_of", "ratings"] = Field(
        "pairs",
        description="Content of a row: a pair, a chosen and a rejected story, one or several chosen and "
        "several rejected stories, or a rating of one story.",
    )
    columns: dict[str, str | list[str]] = Field(
        default_factory=dict,
        description="Your column for each field that has another name in your data: {story_a: first}. "
        "Several columns, as a list, for the chosen or the rejected stories of the format best_of.",
    )
    ignore: list[str] = Field(
        default_factory=list,
        description="Fields that are not read, although your data have a column of that name, such as votes.",
        examples=[["votes"]],
    )
    leave_out: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Rows that are left out and counted in the log, by values of a field, whatever their "
        "case: {domain: [Ties]}.",
    )
    labels: dict[str, Label] = Field(
        default_factory=dict,
        description="The label (a, b or tie) that each other word or number of your data means: "
        "{left: a}. Case does not count.",
        examples=[{"left": "a", "right": "b", "equal": "tie"}],
    )
    label_scale: LabelScaleConfig | None = Field(
        None,
        description="The scale that labels are numbers of: {a, b, margin}. Empty: they are none.",
    )
    ratings: RatingsConfig = Field(
        default_factory=RatingsConfig, description="Pairs from ratings of single stories."
    )
    story_length: StoryLengthConfig | None = Field(
        None, description="Longest story: {max_words, too_long}. Empty: no limit."
    )
    seed: int = Field(
        0, description="Seed of the splits, of the subset, and of the order of a chosen and a rejected story."
    )
    max_quarantine_share: float = Field(
        0.05, ge=0, le=1, description="Largest share of rows that may be unusable before the run stops."
    )

    @field_validator("labels", mode="before")
    @classmethod
    def _comparable(cls, labels: Any) -> Any:
        if not isinstance(labels, dict):
            return labels
        if asked := [str(value) for value, label in labels.items() if label == UNKNOWN]:
            raise ValueError(
                f"{', '.join(asked)}: write a, b or tie in place of each ?, the story that this label prefers"
            )
        return {label_key(value): label for value, label in labels.items()}

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any, info: ValidationInfo) -> Any:
        cls.note_keys(values, info)  # of what the user wrote; what is merged is another dictionary
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
    def _one_source(self) -> SourceConfig:
        if self.preferences is not None and self.hub is not None:
            raise ValueError("names both preferences and hub: keep one")
        if self.format == "ratings" and not self.ratings.columns:
            raise ValueError("format ratings needs ratings.criteria, the columns with the scores, or raters")
        if self.labels and self.label_scale is not None:
            raise ValueError("names both labels and label_scale: keep one")
        return self

    @field_validator("columns")
    @classmethod
    def _answered(cls, columns: dict[str, Any]) -> dict[str, Any]:
        if asked := [field for field, name in columns.items() if name == UNKNOWN]:
            raise ValueError(
                f"{', '.join(asked)}: write the name of your column in place of the ?, or take it out if "
                "there is none"
            )
        return columns

    @model_validator(mode="after")
    def _several_columns(self) -> SourceConfig:
        for field, names in self.columns.items():
            if isinstance(names, list) and (self.format != "best_of" or field not in ("chosen", "rejected")):
                raise ValueError(
                    f"columns.{field} lists {names}, but only chosen and rejected of the format best_of have "
                    f"several columns, and the format is {self.format}: name one column"
                )
        return self

    @field_validator("preferences")
    @classmethod
    def _plain_paths(cls, files: list[Path] | None) -> list[Path] | None:
        return without_wildcards(files)

    @property
    def input_files(self) -> list[Path]:
        """The preference files, those of folders one by one; of a data set in a local folder, its files."""
        if self.hub is not None:
            return [path for path in _visible_files(Path(self.hub.name)) if path.is_file()]
        files: list[Path] = []
        for path in self.preferences or []:
            files += filter(_is_data, _visible_files(path)) if path.is_dir() else [path]
        return files

    @property
    def user_supplied(self) -> bool:
        """True if a user supplies the preferences, False if the tiny world makes them."""
        return self.preferences is not None or self.hub is not None


def _visible_files(folder: Path) -> list[Path]:
    """Paths below a folder, sorted, without hidden ones and what is in those; none if it is no folder."""
    found = sorted(folder.rglob("*")) if folder.is_dir() else []
    return [path for path in found if not any(part[0] == "." for part in path.relative_to(folder).parts)]


def _is_data(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return path.is_file() and name.endswith(FILE_KINDS)

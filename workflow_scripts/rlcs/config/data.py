"""The config of the preferences: their source, their splits, and the part of them that is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rlcs.config.section import File, Name, Names, Section
from rlcs.config.sources import SourceConfig, without_wildcards
from rlcs.constraints.registry import KINDS, parse_constraint
from rlcs.records import Constraint, Split


class SplitsConfig(Section):
    """Shares of the contexts in each split, for data that names no split. A hash of the context decides."""

    train: float = Field(0.8, ge=0, le=1, description="Share of contexts for training judges and policies.")
    validation: float = Field(
        0.05, ge=0, le=1, description="Share of contexts for choosing recipes and checkpoints."
    )
    test: float = Field(0.15, ge=0, le=1, description="Share of contexts for the tables alone.")

    @model_validator(mode="after")
    def _sum_to_one(self) -> SplitsConfig:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError(
                f"train {self.train} + validation {self.validation} + test {self.test} must sum to 1"
            )
        return self


class SubsetConfig(Section):
    """Numbers of pairs to use of a large data set. Empty: all."""

    labelled: int | None = Field(None, ge=1, description="Number of training pairs with their label.")
    unlabelled: int | None = Field(
        None,
        ge=0,
        description="Number of pairs without a label, for a consensus: first those of the data, then "
        "training "
        "pairs beyond labelled, without their label.",
    )
    validation: int | None = Field(None, ge=1, description="Number of validation pairs.")
    test: int | None = Field(None, ge=1, description="Number of test pairs.")


class DrawnConstraintsConfig(Section):
    """Constraints drawn at random for contexts that have none."""

    pool: list[dict[str, Any]] = Field(
        min_length=1,
        description="Constraints to draw from, each {kind, parameters} as in docs/constraints.md.",
        examples=[[{"kind": "max_words", "parameters": {"n": 400}}]],
    )
    max_per_context: int = Field(
        2,
        ge=1,
        description="Largest number of constraints of a context. It gets at least one, and no kind twice.",
    )

    @property
    def constraints(self) -> list[Constraint]:
        """The pool."""
        return [Constraint(str(entry.get("kind")), entry.get("parameters", {})) for entry in self.pool]


class DataConfig(SourceConfig):
    """The source and the format of the preferences, and the share that may be lost."""

    contexts: list[File] = Field(
        default_factory=list,
        description="Files of further contexts, without pairs, for policies, of the same kinds.",
    )
    context_columns: dict[str, str] = Field(
        default_factory=dict, description="What columns is for preferences, for contexts."
    )
    context_split: Split | None = Field(
        None,
        description="Split of the contexts from files, unless a row names its own: test for the prompts of a "
        "benchmark. Empty: by splits.",
    )
    splits: SplitsConfig = Field(
        default_factory=SplitsConfig, description="Shares of the splits, for data that names none."
    )
    constraint_kinds: dict[Name, File] = Field(
        default_factory=dict,
        description="Kinds of constraints of your own, each a Python file with the class Kind, by name: "
        "{rhyme: my_kind.py}. A kind is part of the data, and its content counts: where it changes, all that "
        "reads the contexts is made anew.",
    )
    draw_constraints: DrawnConstraintsConfig | None = Field(
        None,
        description="Constraints drawn for contexts that have none: {pool, max_per_context}. Do not "
        "show them to "
        "judges: the pairs' stories were written without them. Empty: none.",
    )
    subset: SubsetConfig = Field(
        default_factory=SubsetConfig, description="Numbers of pairs to use, if not all."
    )

    @model_validator(mode="after")
    def _own_kinds(self) -> DataConfig:
        """Kinds of the user's own have new names, and the pool can be stated as far as it is known here."""
        if known := sorted(self.constraint_kinds.keys() & KINDS):
            raise ValueError(f"constraint_kinds: {', '.join(known)} is there already: take another name")
        for constraint in self.draw_constraints.constraints if self.draw_constraints else ():
            if constraint.kind not in self.constraint_kinds:
                parse_constraint(constraint)
        return self

    @field_validator("contexts")
    @classmethod
    def _plain_context_paths(cls, files: list[Path]) -> list[Path] | None:
        return without_wildcards(files)


class ConsensusConfig(Section):
    """Labels for unlabelled pairs, which judges give in both orders."""

    teachers: Names = Field(
        description="Names of at least two generative judges, best with different biases; with labels: "
        "probability one judge of any kind is enough.",
        examples=[["teacher-world", "teacher-endpoint"]],
    )
    labels: Literal["verdicts", "probability"] = Field(
        "verdicts",
        description="verdicts: those that the teachers agree on. probability: their mean p over both orders, "
        "as a soft label (train: verdicts with soft_labels) and as the label of the likelier story.",
    )
    agree: int = Field(
        2,
        ge=2,
        description="Number of teachers whose verdicts must agree. A further teacher that is consistent in "
        "both orders must not differ.",
    )

    @model_validator(mode="after")
    def _enough(self) -> ConsensusConfig:
        if self.labels == "probability":
            if self.agree != ConsensusConfig.model_fields["agree"].default:
                raise ValueError(
                    f"agree = {self.agree} counts verdicts: leave it out, or set labels: verdicts"
                )
            if not self.teachers:
                raise ValueError("labels: probability needs a teacher, but teachers is empty")
        elif len(self.teachers) < self.agree:
            raise ValueError(
                f"{self.agree} teachers must agree, but teachers names {len(self.teachers)}: {self.teachers}"
            )
        return self

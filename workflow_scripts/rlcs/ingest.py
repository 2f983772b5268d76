"""Checking the preferences of strangers: a row is used, or quarantined with line and reason (DESIGN §4).

Rows have the fields of ``PairRow``; None and nan count as absent. Reasons name no values, so that they can be
counted. ``preference_files`` reads the rows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from rlcs.constraints import instruction
from rlcs.records import HUMAN, Constraint, Context, Label, Split
from rlcs.splits import split_of


class TooManyBadRows(ValueError):
    """More rows than the config allows cannot be used."""


@dataclass(frozen=True)
class RawRow:
    """A row as found: its values by the workflow's names, or the reason why there are none."""

    file: str
    line: int
    text: str
    values: Mapping[str, Any] | None
    defect: str | None = None


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, from an escape in JSON
        raise PydanticCustomError("encoding", "wrong encoding") from error
    return text


def _told(story: str) -> str:
    if not story.strip():
        raise PydanticCustomError("empty", "empty story")
    return story


def _constraints(value: Any) -> list[Constraint]:
    """Constraints that can be stated; the list and the parameters in it may be JSON (CSV, Parquet)."""
    constraints = []
    for entry in json.loads(value or "[]") if isinstance(value, str) else value:
        parameters = entry.get("parameters") or {}
        constraint = Constraint(
            entry["kind"], json.loads(parameters) if isinstance(parameters, str) else parameters
        )
        instruction(constraint).encode()
        constraints.append(constraint)
    return constraints


def _stated(value: Any) -> list[Constraint]:
    try:
        return _constraints(value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PydanticCustomError("constraints", "bad constraints") from error


Text = Annotated[str, AfterValidator(_unicode)]
Story = Annotated[Text, AfterValidator(_told)]
Id = Annotated[Text, BeforeValidator(lambda value: str(value) if type(value) is int else value)]


class PairRow(BaseModel):
    """One pair with its context; an empty optional text is an absent one, and so is an empty label."""

    model_config = ConfigDict(strict=True, frozen=True)

    pair_id: Id = ""
    context_id: Id = ""
    domain: Text = ""
    characters: Text = ""
    previous_plot: Text = ""
    outline: Text = ""
    prompt: Text = ""
    constraints: Annotated[list[Any], BeforeValidator(_stated)] = []
    story_a: Story
    story_b: Story
    label: Label | Literal[""] = ""
    source: Text = ""
    annotator: Id = ""
    cohort: Text = ""
    split: Split | Literal[""] = ""


class Validated(NamedTuple):
    """What can be used (each context has a pair) and what cannot: rows of the schemas in ``records``.

    ``len(pairs) + len(unlabelled) + len(quarantine)`` is the number of rows read.
    """

    contexts: list[Context]
    pairs: list[dict[str, Any]]
    unlabelled: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]


def validate(rows: Iterable[RawRow], shares: Mapping[Split, float], seed: int) -> Validated:
    """Split rows into usable ones and quarantine.

    Of rows that contradict one another (a duplicate, another context under the same id, another split for the
    same premise) the first is used; those with a label come before those without. A row without a split takes
    that which another row names for its premise, or one by hash (``splits.split_of``): one premise under two
    ids does not stand in two splits either.
    """
    parsed = [(raw, _parse(raw)) for raw in rows]
    splits: dict[str, Split] = {}
    for _, row in parsed:
        if isinstance(row, PairRow) and row.split:
            splits.setdefault(_premise(row), row.split)

    contexts: dict[str, Context] = {}
    pairs: dict[str, dict[str, Any]] = {}
    compared: set[tuple[str, frozenset[str]]] = set()
    quarantined: dict[int, dict[str, Any]] = {}
    for place in sorted(range(len(parsed)), key=lambda place: not getattr(parsed[place][1], "label", "")):
        raw, row = parsed[place]
        if isinstance(row, PairRow):
            premise = _premise(row)
            context = _context(row, splits.get(premise) or split_of(premise, shares, seed))
            pair = _pair(row, context.context_id)
            stories = (context.context_id, frozenset((row.story_a, row.story_b)))
            if row.split and row.split != context.split:
                reason = "context in two splits"
            elif contexts.get(context.context_id, context) != context:
                reason = "context differs from an earlier one of the same id"
            elif pair["pair_id"] in pairs or stories in compared:
                reason = "duplicate"
            else:
                contexts[context.context_id] = context
                pairs[pair["pair_id"]] = pair
                compared.add(stories)
                continue
        else:
            reason = row
        text = raw.text.encode(errors="backslashreplace").decode()
        quarantined[place] = {"file": raw.file, "line": raw.line, "reason": reason, "row": text}
    return Validated(
        contexts=list(contexts.values()),
        pairs=[pair for pair in pairs.values() if pair["label"]],
        unlabelled=[pair for pair in pairs.values() if not pair["label"]],
        quarantine=[quarantined[place] for place in sorted(quarantined)],
    )


def summary(quarantine: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Number of quarantined rows by reason, the most frequent first."""
    return dict(Counter(row["reason"] for row in quarantine).most_common())


def check_share(read: int, quarantine: Sequence[Mapping[str, Any]], limit: float, file: Path | str) -> None:
    """Raises TooManyBadRows where no row was read or more than the share ``limit`` is in quarantine.

    ``file`` is where the quarantined rows can be looked at.
    """
    if read == 0:
        raise TooManyBadRows("the preference files have no rows")
    if len(quarantine) > limit * read:
        counts = ", ".join(f"{count} {reason}" for reason, count in summary(quarantine).items())
        raise TooManyBadRows(
            f"{len(quarantine)} of {read} rows ({len(quarantine) / read:.1%}) cannot be used: {counts}. "
            f"At most {limit:.1%} may be lost (data.max_quarantine_share). Lines and reasons are in {file}; "
            "correct the rows or raise the limit."
        )


def _parse(raw: RawRow) -> PairRow | str:
    """The row, or the reason why it cannot be used."""
    if raw.values is None:
        return raw.defect or "no values"
    present = {
        name: value
        for name, value in raw.values.items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    }
    try:
        row = PairRow.model_validate(present)
    except ValidationError as error:
        return _reason(error)
    if row.story_a.strip() == row.story_b.strip():
        return "identical stories"
    if row.outline and row.prompt:
        return "both outline and prompt"
    if not (row.context_id or row.characters or row.previous_plot or row.outline or row.prompt):
        return "no context"
    return row


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = first["loc"][0]
    match first["type"]:
        case "missing":
            return f"missing {field}"
        case "literal_error":
            return f"unknown {field}"
        case "encoding" | "empty" | "constraints":
            return first["msg"]
        case _:
            return f"wrong type of {field}"


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _premise(row: PairRow) -> str:
    """What a split must not tear apart: the premise's text, or the context's id where it has none."""
    text = (row.characters, row.previous_plot, row.outline or row.prompt)
    return _digest(*text) if any(text) else row.context_id


def _context(row: PairRow, split: Split) -> Context:
    fields = {
        "domain": row.domain or "story",
        "characters": row.characters,
        "previous_plot": row.previous_plot,
        "outline": row.outline or row.prompt,
    }
    stated = [(constraint.kind, dict(constraint.parameters)) for constraint in row.constraints]
    context_id = row.context_id or _digest(fields, stated)
    return Context(context_id=context_id, constraints=tuple(row.constraints), split=split, **fields)


def _pair(row: PairRow, context_id: str) -> dict[str, Any]:
    return {
        "pair_id": row.pair_id or _digest(context_id, row.story_a, row.story_b),
        "context_id": context_id,
        "story_a": row.story_a,
        "story_b": row.story_b,
        "label": row.label,
        "source": row.source or HUMAN,
        "annotator": row.annotator or None,
        "cohort": row.cohort or None,
    }

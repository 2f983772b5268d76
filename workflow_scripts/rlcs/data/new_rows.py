"""Rows that a judge reads without a run: new pairs, or several stories for a prompt. Nothing is split."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rlcs.data.files import read_files
from rlcs.data.rows import (
    ContextRow,
    PairRow,
    RawRow,
    SeveralStories,
    parse_row,
    premise_defect,
    to_quarantine,
)
from rlcs.data.validation import make_context, pair_defect
from rlcs.data.votes import majority_label
from rlcs.records import Context, Label, Row


class StoriesRow(ContextRow):
    """Several stories for one context, to be ranked."""

    stories: SeveralStories


@dataclass(frozen=True)
class NewPair:
    """The two stories of a row; ``name`` is the row's pair_id, or the number of its line.

    The context's own id is the row's number, so that two rows are two contexts, whatever they say.
    ``same_context`` is the id that rows of one context have in common.
    """

    row_number: int
    line: int
    name: str
    context: Context
    same_context: str
    story_a: str
    story_b: str
    label: Label | None


@dataclass(frozen=True)
class StoriesToRank:
    """The stories of a row; ``name`` is the row's context_id, or the number of its line.

    The context's own id is as in ``NewPair``.
    """

    row_number: int
    line: int
    name: str
    context: Context
    stories: list[str]


@dataclass(frozen=True)
class NewRows:
    """Pairs and stories to rank, in the order of the file; and rows of QUARANTINE that are neither.

    Attributes:
        unusable: by the row's number.
    """

    pairs: list[NewPair] = field(default_factory=list)
    to_rank: list[StoriesToRank] = field(default_factory=list)
    unusable: dict[int, Row] = field(default_factory=dict)


def read_new_rows(path: Path, columns: Mapping[str, str]) -> NewRows:
    """Read a file of pairs and of rows with a list ``stories``; a row with such a list is no pair.

    Every row is used that can be judged, a repeated one too.

    Args:
        columns: names in the file by the workflow's names.

    Raises:
        InputError: the file cannot be read, or has neither kind of column.
    """
    fields = list(dict.fromkeys([*PairRow.model_fields, "stories"]))
    rows = read_files([path], columns, fields, [])
    if not any(_has(row, "stories") for row in rows):
        rows = read_files([path], columns, fields, ["story_a", "story_b"])  # says which column is missing
    lists_alone = not any(_has(row, "story_a") or _has(row, "story_b") for row in rows)
    new = NewRows()
    for number, raw in enumerate(rows, start=1):
        made = _to_rank(number, raw) if lists_alone or _has(raw, "stories") else _new_pair(number, raw)
        if isinstance(made, str):
            new.unusable[number] = to_quarantine(raw, made)
        elif isinstance(made, NewPair):
            new.pairs.append(made)
        else:
            new.to_rank.append(made)
    return new


def _has(raw: RawRow, field: str) -> bool:
    return raw.values is not None and raw.values.get(field) is not None


def _new_pair(number: int, raw: RawRow) -> NewPair | str:
    """The pair of a row, or the reason why there is none."""
    row = parse_row(raw, PairRow)
    if isinstance(row, str) or (defect := pair_defect(row)):
        return row if isinstance(row, str) else str(defect)
    context = make_context(row, "test")
    label = row.label or (majority_label(row.votes) if row.votes else None)
    name = row.pair_id or str(raw.line)
    own = replace(context, context_id=str(number))
    return NewPair(number, raw.line, name, own, context.context_id, row.story_a, row.story_b, label)


def _to_rank(number: int, raw: RawRow) -> StoriesToRank | str:
    """The stories of a row, or the reason why there are none to rank."""
    row = parse_row(raw, StoriesRow)
    if not isinstance(row, str):
        row = premise_defect(row) or ("fewer than two stories" if len(row.stories) < 2 else row)
    if isinstance(row, str):
        return row
    context = replace(make_context(row, "test"), context_id=str(number))
    return StoriesToRank(number, raw.line, row.context_id or str(raw.line), context, row.stories)

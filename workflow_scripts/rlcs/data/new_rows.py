"""Rows that a judge reads without a run: new pairs, or several stories for a prompt. Nothing is split."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rlcs.data.files import read_files
from rlcs.data.formats import parse_pairs
from rlcs.data.rows import (
    ContextRow,
    PairRow,
    RawRow,
    SeveralStories,
    parse_row,
    premise_defect,
    to_quarantine,
)
from rlcs.data.validation import make_context, validate
from rlcs.records import Context, Row


class StoriesRow(ContextRow):
    """Several stories for one context, to be ranked."""

    stories: SeveralStories


@dataclass(frozen=True)
class StoriesToRank:
    """The stories of a row; ``name`` is the row's context_id, or the number of its line.

    The context's own id is the line, so that two rows are two contexts, whatever they say.
    """

    line: int
    name: str
    context: Context
    stories: list[str]


@dataclass(frozen=True)
class NewRows:
    """Pairs (rows of PAIRS or UNLABELLED), or stories to rank; and rows of QUARANTINE that are neither."""

    contexts: Mapping[str, Context] = field(default_factory=dict)
    pairs: list[Row] = field(default_factory=list)
    to_rank: list[StoriesToRank] = field(default_factory=list)
    unusable: list[Row] = field(default_factory=list)


def read_new_rows(path: Path, columns: Mapping[str, str]) -> NewRows:
    """Read a file of pairs, or of rows with a list ``stories``, which a first row with that column tells.

    A pair without a ``pair_id`` gets the number of its line, which tells it in the output.

    Args:
        columns: names in the file by the workflow's names.

    Raises:
        InputError: the file cannot be read, or has neither kind of column.
    """
    fields = list(dict.fromkeys([*PairRow.model_fields, "stories"]))
    rows = read_files([path], columns, fields, [])
    if any(row.values and row.values.get("stories") is not None for row in rows):
        return _to_rank(rows)
    rows = read_files([path], columns, fields, ["story_a", "story_b"])  # says which column is missing
    valid = validate(parse_pairs(map(_with_id, rows)), {"test": 1.0}, 0)
    return NewRows(
        contexts={context.context_id: context for context in valid.contexts},
        pairs=[*valid.pairs, *valid.unlabelled],
        unusable=list(valid.quarantine),
    )


def _with_id(raw: RawRow) -> RawRow:
    if raw.values is None or raw.values.get("pair_id") not in (None, ""):
        return raw
    return replace(raw, values={**raw.values, "pair_id": str(raw.line), "split": None})


def _to_rank(rows: list[RawRow]) -> NewRows:
    to_rank: list[StoriesToRank] = []
    unusable: list[Row] = []
    for raw in rows:
        row = parse_row(raw, StoriesRow)
        if not isinstance(row, str):
            row = premise_defect(row) or ("fewer than two stories" if len(row.stories) < 2 else row)
        if isinstance(row, str):
            unusable.append(to_quarantine(raw, row))
        else:
            context = replace(make_context(row, "test"), context_id=str(raw.line))
            to_rank.append(StoriesToRank(raw.line, row.context_id or str(raw.line), context, row.stories))
    return NewRows(to_rank=to_rank, unusable=unusable)

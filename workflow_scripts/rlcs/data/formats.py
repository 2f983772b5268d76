"""Pairs from rows of each format: pairs, chosen and rejected stories, ratings of stories (docs/data.md).

A seeded hash of both stories decides which becomes a, so that the side says nothing about which one people
prefer, nor about the system that wrote it.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import mean
from typing import Any, NamedTuple

from pydantic import BaseModel

from rlcs.config.data import DataConfig
from rlcs.data.rows import (
    ChosenRow,
    PairRow,
    ParsedPair,
    PremiseRow,
    RatingRow,
    RawRow,
    parse_row,
    premise_defect,
    to_quarantine,
)
from rlcs.data.validation import Validated, validate
from rlcs.data.votes import soft_label, votes_by_pair
from rlcs.records import SPLITS, Label, Split, digest
from rlcs.text import premise_key, text_key


def assign_sides(story: str, other: str, seed: int) -> tuple[str, str]:
    """Return two stories as a and b, whichever is named first; each way round for one half of all pairs."""
    low, high = sorted((story, other))
    return (low, high) if int(digest(seed, low, high)[:2], 16) % 2 else (high, low)


def parse_pairs(rows: Iterable[RawRow]) -> list[ParsedPair]:
    """Parse rows that are pairs already."""
    return [ParsedPair(raw, parse_row(raw, PairRow)) for raw in rows]


def parse_chosen(rows: Iterable[RawRow], seed: int) -> list[ParsedPair]:
    """Parse rows with ``chosen`` and ``rejected`` as pairs whose label names the chosen story."""
    return [ParsedPair(raw, _pair_of_chosen(parse_row(raw, ChosenRow), seed)) for raw in rows]


def _pair_of_chosen(row: ChosenRow | str, seed: int) -> PairRow | str:
    if isinstance(row, str):
        return row
    story_a, story_b = assign_sides(row.chosen, row.rejected, seed)
    label: Label = "a" if story_a == row.chosen else "b"
    # not parsed again
    return PairRow.model_construct(**dict(row), story_a=story_a, story_b=story_b, label=label)


def shares_of(data: DataConfig) -> dict[Split, float]:
    """The configured share of each split."""
    return {split: getattr(data.splits, split) for split in SPLITS}


def validated_pairs(rows: Sequence[RawRow], data: DataConfig) -> Validated:
    """Validate rows of the configured format; every rater's vote is an annotation.

    The quarantine has one row for each row that cannot be used; all others are used.
    """
    shares = shares_of(data)
    if data.format == "pairs":
        return validate(parse_pairs(rows), shares, data.seed)
    if data.format == "chosen_rejected":
        return validate(parse_chosen(rows, data.seed), shares, data.seed)
    ratings = data.ratings
    rated = pair_ratings(rows, ratings.criteria, ratings.margin, ratings.tie_margin, data.seed)
    result = validate(rated.pairs, shares, data.seed)
    soft = {pair: soft_label(labels) for pair, labels in votes_by_pair(rated.annotations).items()}
    return result._replace(
        pairs=[pair | {"soft_label": soft.get(pair["pair_id"], pair["soft_label"])} for pair in result.pairs],
        annotations=rated.annotations,
        quarantine=rated.quarantine + result.quarantine,
    )


def fields_of(data: DataConfig) -> list[str]:
    """The workflow's names of the columns that rows of the configured format may have.

    Raises:
        ValueError: ``data.columns`` renames others.
    """
    shapes: dict[str, type[BaseModel]] = {
        "pairs": PairRow,
        "chosen_rejected": ChosenRow,
        "ratings": RatingRow,
    }
    fields = [name for name in shapes[data.format].model_fields if name != "scores"]
    if unknown := data.columns.keys() - fields:
        raise ValueError(f"data.columns: unknown fields {sorted(unknown)}; known: {', '.join(fields)}")
    return fields + (data.ratings.criteria if data.format == "ratings" else [])


class RatedPairs(NamedTuple):
    """Pairs for ``validation.validate``, the votes behind them (rows of ANNOTATIONS), and rows of QUARANTINE.

    A rating is used if its story is in a pair; every other one is in quarantine.
    """

    pairs: list[ParsedPair]
    annotations: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]


class Rating(NamedTuple):
    """The mean score of one rating, which stands in the row of this index."""

    row_index: int
    rater: str
    cohort: str
    value: float


def pair_ratings(
    rows: Sequence[RawRow], criteria: Sequence[str], margin: float, tie_margin: float | None, seed: int
) -> RatedPairs:
    """Pair stories of one premise by their ratings: the mean over raters of the mean over criteria.

    Two stories make a pair if their means differ by at least ``margin``, which is its label, or by at most
    ``tie_margin`` (None: no such pairs), which is a tie. Each rater of both has a vote: the sign of their own
    difference, a tie within ``tie_margin`` (without one, if they are equal).

    Of rows that contradict one another (a second rating of a story by one rater, another domain or split of
    the same premise) the first is used.
    """
    bad: dict[int, str] = {}
    premises: dict[tuple[str, ...], RatingRow] = {}
    stories: dict[tuple[str, ...], dict[str, list[Rating]]] = {}
    spellings: dict[tuple[tuple[str, ...], str], str] = {}
    for index, raw in enumerate(rows):
        row = parse_row(_with_scores(raw, criteria), RatingRow)
        if isinstance(row, str):
            bad[index] = row
            continue
        if defect := premise_defect(row):
            bad[index] = defect
            continue
        premise = _premise_of(row)
        first = premises.setdefault(premise, row)
        story = spellings.setdefault((premise, text_key(row.story)), row.story)
        ratings = stories.setdefault(premise, {}).setdefault(story, [])
        if (row.domain, row.split) != (first.domain, first.split):
            bad[index] = "domain or split differs from an earlier row of the same context"
        elif row.rater and any(rating.rater == row.rater for rating in ratings):
            bad[index] = "duplicate"
        else:
            ratings.append(Rating(index, row.rater, row.cohort, mean(row.scores)))

    pairs: list[ParsedPair] = []
    annotations: list[dict[str, Any]] = []
    paired: set[int] = set()
    for premise, rated in stories.items():
        context = {name: getattr(premises[premise], name) for name in PremiseRow.model_fields}
        for story, other in combinations([story for story, ratings in rated.items() if ratings], 2):
            story_a, story_b = assign_sides(story, other, seed)
            a, b = rated[story_a], rated[story_b]
            label = _label(_value(a) - _value(b), margin, tie_margin)
            if label is None:
                continue
            pair_id = digest(premises[premise].premise, story_a, story_b)
            pair = PairRow.model_construct(
                **context, pair_id=pair_id, story_a=story_a, story_b=story_b, label=label
            )
            pairs.append(ParsedPair(rows[a[0].row_index], pair))
            annotations += _votes(pair_id, a, b, tie_margin or 0)
            paired |= {rating.row_index for rating in (*a, *b)}
    for index in range(len(rows)):
        if index not in paired:
            bad.setdefault(index, "no story of the same context to pair with")
    return RatedPairs(pairs, annotations, [to_quarantine(rows[index], bad[index]) for index in sorted(bad)])


def _premise_of(row: PremiseRow) -> tuple[str, ...]:
    return tuple(map(premise_key, row.premise))


def _with_scores(raw: RawRow, criteria: Sequence[str]) -> RawRow:
    """The row with the criteria's columns as ``scores``; without scores if one of the columns is missing."""
    if raw.values is None:
        return raw
    values = {name: value for name, value in raw.values.items() if name not in criteria}
    scores = [raw.values.get(name) for name in criteria]
    if not any(_absent(score) for score in scores):
        values["scores"] = scores
    return RawRow(raw.file, raw.line, raw.text, values)


def _absent(score: Any) -> bool:
    return score is None or score == "" or (isinstance(score, float) and math.isnan(score))


def _value(ratings: Sequence[Rating]) -> float:
    return mean(rating.value for rating in ratings)


def _label(difference: float, margin: float, tie_margin: float | None) -> Label | None:
    """The preferred story; a tie; or None if the difference is neither large enough nor small enough."""
    difference = round(difference, 9)  # means of equal ratings may differ in the last digit
    if tie_margin is not None and abs(difference) <= tie_margin:
        return "tie"
    if abs(difference) < margin:
        return None
    return "a" if difference > 0 else "b"


def _votes(pair_id: str, a: Sequence[Rating], b: Sequence[Rating], tie_margin: float) -> list[dict[str, Any]]:
    """Rows of ANNOTATIONS by the raters of both stories."""
    values_of_b = {rating.rater: rating.value for rating in b if rating.rater}
    return [
        {
            "pair_id": pair_id,
            "label": _label(rating.value - values_of_b[rating.rater], 0, tie_margin),
            "annotator": rating.rater,
            "cohort": rating.cohort or None,
        }
        for rating in a
        if rating.rater in values_of_b
    ]

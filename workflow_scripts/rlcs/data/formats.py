"""Preferences of other shapes as pairs: a chosen and a rejected story, ratings of single stories (DESIGN §4).

Which story becomes a is decided by a hash of both, seeded, so that the place says nothing about which one
people prefer, nor about the system that wrote it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from itertools import combinations
from statistics import mean
from typing import Any, NamedTuple

from pydantic import BaseModel

from rlcs.config.data import DataConfig
from rlcs.data.rows import ChosenRow, PairRow, PremiseRow, RatingRow, RawRow, parse, quarantined
from rlcs.data.validation import Validated, validate
from rlcs.data.votes import soft_label, votes_by_pair
from rlcs.records import SPLITS, Label, Split


def assign_sides(one: str, other: str, seed: int) -> tuple[str, str]:
    """Two stories as a and b: the same whichever is named first, either way for one half of all pairs."""
    low, high = sorted((one, other))
    digest = hashlib.sha256(json.dumps([seed, low, high]).encode()).digest()
    return (low, high) if digest[0] % 2 else (high, low)


def chosen_pair(raw: RawRow, seed: int) -> RawRow:
    """A row with ``chosen`` and ``rejected`` as one with ``story_a``, ``story_b`` and ``label``."""
    row = parse(raw, ChosenRow)
    if isinstance(row, str):
        return RawRow(raw.file, raw.line, raw.text, None, row)
    story_a, story_b = assign_sides(row.chosen, row.rejected, seed)
    values = {name: value for name, value in (raw.values or {}).items() if name not in ("chosen", "rejected")}
    values |= {"story_a": story_a, "story_b": story_b, "label": "a" if story_a == row.chosen else "b"}
    return RawRow(raw.file, raw.line, raw.text, values)


def shares_of(data: DataConfig) -> dict[Split, float]:
    """The configured share of each split."""
    return {split: getattr(data.splits, split) for split in SPLITS}


def validated_pairs(rows: Sequence[RawRow], data: DataConfig) -> Validated:
    """``validation.validate`` for rows of the configured format; every rater's vote is an annotation.

    ``len(quarantine)`` rows cannot be used; all others are.
    """
    shares = shares_of(data)
    if data.format == "chosen_rejected":
        rows = [chosen_pair(raw, data.seed) for raw in rows]
    if data.format != "ratings":
        return validate(rows, shares, data.seed)
    ratings = data.ratings
    rated = rated_pairs(rows, ratings.criteria, ratings.margin, ratings.tie_margin, data.seed)
    found = validate(rated.pairs, shares, data.seed)
    soft = {pair: soft_label(labels) for pair, labels in votes_by_pair(rated.annotations).items()}
    return found._replace(
        pairs=[pair | {"soft_label": soft.get(pair["pair_id"], pair["soft_label"])} for pair in found.pairs],
        annotations=rated.annotations,
        quarantine=rated.quarantine + found.quarantine,
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

    A rating is used where its story is in a pair; every other one is in quarantine.
    """

    pairs: list[RawRow]
    annotations: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]


class Rating(NamedTuple):
    place: int
    rater: str
    cohort: str
    value: float


def rated_pairs(
    rows: Sequence[RawRow], criteria: Sequence[str], margin: float, tie_margin: float | None, seed: int
) -> RatedPairs:
    """Pairs of stories of one premise, by the mean over raters of the mean over criteria.

    Two stories make a pair where their means differ by at least ``margin``, which is its label, or by at most
    ``tie_margin`` (None: no such pairs), which is a tie. Each rater of both has a vote: the sign of their own
    difference, a tie within ``tie_margin`` (without one, where they are equal).

    Of rows that contradict one another (a second rating of a story by one rater, another domain or split of
    the same premise) the first is used.
    """
    bad: dict[int, str] = {}
    premises: dict[tuple[str, str, str], RatingRow] = {}
    stories: dict[tuple[str, str, str], dict[str, list[Rating]]] = {}
    for place, raw in enumerate(rows):
        row = parse(_scored(raw, criteria), RatingRow)
        if isinstance(row, str):
            bad[place] = row
            continue
        premise = (row.characters, row.previous_plot, row.outline or row.prompt)
        if not any(premise) or (row.outline and row.prompt):
            bad[place] = "both outline and prompt" if any(premise) else "no context"
            continue
        first = premises.setdefault(premise, row)
        ratings = stories.setdefault(premise, {}).setdefault(row.story, [])
        if (row.domain, row.split) != (first.domain, first.split):
            bad[place] = "domain or split differs from an earlier row of the same context"
        elif row.rater and any(rating.rater == row.rater for rating in ratings):
            bad[place] = "duplicate"
        else:
            ratings.append(Rating(place, row.rater, row.cohort, mean(row.scores)))

    pairs: list[RawRow] = []
    annotations: list[dict[str, Any]] = []
    paired: set[int] = set()
    for premise, rated in stories.items():
        for one, other in combinations([story for story, ratings in rated.items() if ratings], 2):
            story_a, story_b = assign_sides(one, other, seed)
            a, b = rated[story_a], rated[story_b]
            label = _label(_value(a) - _value(b), margin, tie_margin)
            if label is None or one.strip() == other.strip():
                continue
            digest = hashlib.sha256(json.dumps([premise, story_a, story_b]).encode()).hexdigest()
            told = {name: getattr(premises[premise], name) for name in PremiseRow.model_fields}
            told |= {"pair_id": digest[:16], "story_a": story_a, "story_b": story_b, "label": label}
            source = rows[a[0].place]
            pairs.append(RawRow(source.file, source.line, source.text, told))
            annotations += _votes(digest[:16], a, b, tie_margin or 0)
            paired |= {rating.place for rating in (*a, *b)}
    for place in range(len(rows)):
        if place not in paired:
            bad.setdefault(place, "no story of the same context to pair with")
    return RatedPairs(pairs, annotations, [quarantined(rows[place], bad[place]) for place in sorted(bad)])


def _scored(raw: RawRow, criteria: Sequence[str]) -> RawRow:
    """The criteria's columns under ``scores``; without it where one of them is missing."""
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
    """The preferred story; a tie; or None where the difference is neither large enough nor small enough."""
    difference = round(difference, 9)  # means of equal ratings may differ in the last digit
    if tie_margin is not None and abs(difference) <= tie_margin:
        return "tie"
    if abs(difference) < margin:
        return None
    return "a" if difference > 0 else "b"


def _votes(pair_id: str, a: Sequence[Rating], b: Sequence[Rating], tie_margin: float) -> list[dict[str, Any]]:
    of_b = {rating.rater: rating.value for rating in b if rating.rater}
    votes = []
    for rating in a:
        if rating.rater in of_b:
            difference = round(rating.value - of_b[rating.rater], 9)
            label = "tie" if abs(difference) <= tie_margin else "a" if difference > 0 else "b"
            votes.append(
                {
                    "pair_id": pair_id,
                    "label": label,
                    "annotator": rating.rater,
                    "cohort": rating.cohort or None,
                }
            )
    return votes

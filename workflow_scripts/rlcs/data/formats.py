"""Pairs from rows of each format: pairs, chosen and rejected stories, the best of several, ratings.

A seeded hash of both stories decides which becomes a, so that the side says nothing about which one people
prefer, nor about the system that wrote it.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations, product
from statistics import mean
from typing import Any, NamedTuple

from pydantic import BaseModel

from rlcs.config.data import DataConfig
from rlcs.config.sources import OF_REDDIT, RatingsConfig, SourceConfig
from rlcs.data.oddities import is_removed
from rlcs.data.rows import (
    BestOfRow,
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
from rlcs.data.values import STORY_COLUMNS
from rlcs.data.votes import soft_label, votes_by_pair
from rlcs.records import LABELS, SPLITS, Label, Split, digest, label_key
from rlcs.text import premise_key, text_key

_OF_SCORES = ("scores", "raters")  # fields of a rating that other columns make
_SHAPES: dict[str, type[BaseModel]] = {
    "pairs": PairRow,
    "chosen_rejected": ChosenRow,
    "best_of": BestOfRow,
    "ratings": RatingRow,
}


def assign_sides(story: str, other: str, seed: int) -> tuple[str, str]:
    """Return two stories as a and b, whichever is named first; each way round for one half of all pairs."""
    low, high = sorted((story, other))
    return (low, high) if int(digest(seed, low, high)[:2], 16) % 2 else (high, low)


def parse_pairs(rows: Iterable[RawRow]) -> list[ParsedPair]:
    """Parse rows that are pairs already."""
    return [ParsedPair(raw, parse_row(raw, PairRow)) for raw in rows]


def with_label(raw: RawRow, data: DataConfig) -> RawRow:
    """The row with the label and the votes that ``data.labels`` or ``data.label_scale`` makes of its own.

    A label that repeats the text of one of the two stories means that story.
    """
    if raw.values is None:
        return raw
    values = dict(raw.values)
    if named := _named_story(values):
        return replace(raw, values={**values, "label": named})
    if not (data.labels or data.label_scale):
        return raw
    if "label" in values:
        values["label"] = _mapped(values["label"], data)
    votes = values.get("votes")
    if isinstance(votes, str) and votes[:1] in ("{", "["):
        with suppress(ValueError):  # what is no JSON has its reason when the row is parsed
            votes = json.loads(votes)
    if isinstance(votes, dict):
        counts: dict[Any, Any] = {}
        for label, count in votes.items():
            mapped = _mapped(label, data)
            counts[mapped] = count if mapped not in counts else (counts[mapped] or 0) + (count or 0)
        values["votes"] = counts
    elif isinstance(votes, list):
        values["votes"] = [_mapped(label, data) for label in votes]
    return replace(raw, values=values)


def _named_story(values: Mapping[str, Any]) -> Label | None:
    """The story whose text is the label; None if it is neither's, both's, or a label's own word."""
    label = values.get("label")
    if not isinstance(label, str) or label_key(label) in LABELS or not label.strip():
        return None
    sides: dict[Label, Any] = {"a": values.get("story_a"), "b": values.get("story_b")}
    named = [
        side for side, story in sides.items() if isinstance(story, str) and story.strip() == label.strip()
    ]
    return named[0] if len(named) == 1 else None


def _mapped(value: Any, data: DataConfig) -> Any:
    scale = data.label_scale
    if scale is None:
        return data.labels.get(label_key(value), value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    if isinstance(value, bool) or not min(scale.a, scale.b) <= number <= max(scale.a, scale.b):
        return value
    to_a = (number - (scale.a + scale.b) / 2) * (1 if scale.a > scale.b else -1)
    return "tie" if abs(to_a) <= scale.margin else "a" if to_a > 0 else "b"


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


def parse_best_of(rows: Iterable[RawRow], seed: int) -> list[ParsedPair]:
    """Parse rows with several stories as pairs of every chosen story with every rejected one.

    The pairs of a row have a context of their own, by which they are found together again: its id is the
    row's, or a hash of the premise and the stories. A story that a row has twice counts once. A row that
    cannot be used is one entry, with its reason.
    """
    parsed: list[ParsedPair] = []
    seen: set[str] = set()
    for raw in rows:
        row = parse_row(raw, BestOfRow)
        if not isinstance(row, str):
            row = _best_of_defect(row) or row
        if isinstance(row, str):
            parsed.append(ParsedPair(raw, row))
            continue
        chosen, rejected = _distinct(row.chosen), _distinct(row.rejected)
        row_id = row.context_id or digest(row.premise, chosen, rejected)
        if row_id in seen:
            parsed.append(ParsedPair(raw, "duplicate"))
            continue
        seen.add(row_id)
        for preferred, other in product(chosen, rejected):
            fields = {**dict(row), "context_id": row_id, "chosen": preferred, "rejected": other}
            parsed.append(ParsedPair(raw, _pair_of_chosen(ChosenRow.model_construct(**fields), seed)))
    return parsed


def _best_of_defect(row: BestOfRow) -> str | None:
    """The reason why a row of several stories cannot be used; None if it can."""
    if {text_key(story) for story in row.chosen} & {text_key(story) for story in row.rejected}:
        return "identical stories"
    return premise_defect(row)


def _distinct(stories: Iterable[str]) -> list[str]:
    """The stories, each once, in their first spelling."""
    first: dict[str, str] = {}
    for story in stories:
        first.setdefault(text_key(story), story)
    return list(first.values())


def leave_out_rows(rows: Iterable[RawRow], data: SourceConfig) -> list[RawRow]:
    """The rows without those that ``leave_out`` names."""
    left_out = {field: set(map(label_key, values)) for field, values in data.leave_out.items()}
    return [
        raw
        for raw in rows
        if not any(label_key((raw.values or {}).get(field)) in values for field, values in left_out.items())
    ]


def set_deleted_aside(rows: Iterable[RawRow], data: SourceConfig) -> list[RawRow]:
    """The rows, of which those say so as their defect whose story was deleted on Reddit.

    Elsewhere "[deleted]" may be what someone wrote. It is an oddity there, which ``oddities`` counts.
    """
    if data.preset not in OF_REDDIT:
        return list(rows)
    return [
        replace(raw, values=None, defect="comment deleted on Reddit")
        if any(isinstance(story, str) and is_removed(story) for story in _stories_of(raw))
        else raw
        for raw in rows
    ]


def _stories_of(raw: RawRow) -> list[Any]:
    return [raw.values.get(name) for name in STORY_COLUMNS] if raw.values else []


def shares_of(data: DataConfig) -> dict[Split, float]:
    """The configured share of each split."""
    return {split: getattr(data.splits, split) for split in SPLITS}


def context_shares_of(data: DataConfig) -> dict[Split, float]:
    """The share of each split for contexts from files: all in ``context_split``, if one is named."""
    if data.context_split is None:
        return shares_of(data)
    return {split: float(split == data.context_split) for split in SPLITS}


def validated_pairs(rows: Sequence[RawRow], data: DataConfig) -> Validated:
    """Validate rows of the configured format; every rater's vote is an annotation.

    The quarantine has one row for each row that cannot be used; all others are used.
    """
    shares = shares_of(data)
    rows = set_deleted_aside(rows, data)
    if data.format == "pairs":
        return validate(parse_pairs([with_label(raw, data) for raw in rows]), shares, data.seed)
    if data.format == "chosen_rejected":
        return validate(parse_chosen(rows, data.seed), shares, data.seed)
    if data.format == "best_of":
        result = validate(parse_best_of(rows, data.seed), shares, data.seed)
        unusable = {(row["file"], row["line"]): row for row in result.quarantine}  # one for all its pairs
        return result._replace(quarantine=list(unusable.values()))
    ratings = data.ratings
    rated = pair_ratings(rows, ratings, data.seed)
    result = validate(rated.pairs, shares, data.seed)
    soft = {pair: soft_label(labels) for pair, labels in votes_by_pair(rated.annotations).items()}
    return result._replace(
        pairs=[pair | {"soft_label": soft.get(pair["pair_id"], pair["soft_label"])} for pair in result.pairs],
        annotations=rated.annotations,
        quarantine=rated.quarantine + result.quarantine,
        left_out=rated.left_out,
    )


def fields_of(data: DataConfig) -> list[str]:
    """The workflow's names of the columns that rows of the configured format may have.

    Raises:
        ValueError: ``columns``, ``ignore`` or ``leave_out`` names others.
    """
    fields = [name for name in _SHAPES[data.format].model_fields if name not in _OF_SCORES]
    named = {"columns": list(data.columns), "ignore": data.ignore, "leave_out": list(data.leave_out)}
    for key, names in named.items():
        if unknown := set(names) - set(fields):
            raise ValueError(f"data.{key}: unknown fields {sorted(unknown)}; known: {', '.join(fields)}")
    read = [name for name in fields if name not in data.ignore]
    return read + (data.ratings.columns if data.format == "ratings" else [])


def required_fields(data: DataConfig) -> list[str]:
    """The workflow's names of the columns that rows of the configured format need."""
    shape = _SHAPES[data.format].model_fields.items()
    needed = [name for name, field in shape if field.is_required() and name not in _OF_SCORES]
    return needed + (data.ratings.columns if data.format == "ratings" else [])


class RatedPairs(NamedTuple):
    """Pairs for ``validation.validate``, the votes behind them (rows of ANNOTATIONS), and rows of QUARANTINE.

    A rating is used if its story is in a pair. If it is in none since every other story of its premise was
    rated too much alike, it is left out; every other one is in quarantine.

    Attributes:
        left_out: number of rows.
    """

    pairs: list[ParsedPair]
    annotations: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    left_out: int


class Rating(NamedTuple):
    """The mean score of one rating, which stands in the row of this index."""

    row_index: int
    rater: str
    cohort: str
    value: float


def pair_ratings(rows: Sequence[RawRow], rule: RatingsConfig, seed: int) -> RatedPairs:
    """Pair stories of one premise by their ratings: the mean over raters of the mean over criteria.

    A row has the scores of one rater by ``criteria``, or one score of each of ``raters``.

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
        row = parse_row(_with_scores(raw, rule), RatingRow)
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
        elif any(rating.rater == rater for rating in ratings for rater, _ in _scores_of(row, rule) if rater):
            bad[index] = "duplicate"
        else:
            ratings += [Rating(index, rater, row.cohort, score) for rater, score in _scores_of(row, rule)]

    margin, tie_margin = rule.margin, rule.tie_margin
    pairs: list[ParsedPair] = []
    annotations: list[dict[str, Any]] = []
    paired: set[int] = set()
    alike: set[int] = set()
    for premise, rated in stories.items():
        context = {name: getattr(premises[premise], name) for name in PremiseRow.model_fields}
        for story, other in combinations([story for story, ratings in rated.items() if ratings], 2):
            story_a, story_b = assign_sides(story, other, seed)
            a, b = rated[story_a], rated[story_b]
            label = _label(_value(a) - _value(b), margin, tie_margin)
            if label is None:
                alike |= {rating.row_index for rating in (*a, *b)}
                continue
            pair_id = digest(premises[premise].premise, story_a, story_b)
            pair = PairRow.model_construct(
                **context, pair_id=pair_id, story_a=story_a, story_b=story_b, label=label
            )
            pairs.append(ParsedPair(rows[a[0].row_index], pair))
            annotations += _votes(pair_id, a, b, tie_margin or 0)
            paired |= {rating.row_index for rating in (*a, *b)}
    used = paired | alike
    for index in range(len(rows)):
        if index not in used:
            bad.setdefault(index, "no story of the same context to pair with")
    quarantine = [to_quarantine(rows[index], bad[index]) for index in sorted(bad)]
    return RatedPairs(pairs, annotations, quarantine, len(alike - paired))


def _premise_of(row: PremiseRow) -> tuple[str, ...]:
    return tuple(map(premise_key, row.premise))


def _with_scores(raw: RawRow, rule: RatingsConfig) -> RawRow:
    """The row with ``scores``: of all criteria, or none if one is missing; of those raters who gave one."""
    if raw.values is None:
        return raw
    values = {name: value for name, value in raw.values.items() if name not in rule.columns}
    scores = {name: raw.values.get(name) for name in rule.columns}
    given = {name: score for name, score in scores.items() if not _absent(score)}
    if given and (rule.raters or len(given) == len(scores)):
        values["scores"] = list(given.values())
        values["raters"] = list(given) if rule.raters else []
    return replace(raw, values=values)


def _scores_of(row: RatingRow, rule: RatingsConfig) -> list[tuple[str, float]]:
    """Raters and their scores in a row."""
    if rule.raters:
        return list(zip(row.raters, row.scores, strict=True))
    return [(row.rater, mean(row.scores))]


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

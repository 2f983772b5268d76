"""The consistency filter selects the teacher's chains that a GenRM learns from (docs/method.md, "The GenRM").

A pair's two chains are kept only if both orders parse, agree after un-swapping, and agree with the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import pandas as pd

from rlcs.records import ORDERS, Judgement, Order
from rlcs.verdict import orders_disagree

FilterOutcome = Literal["unparsed", "inconsistent", "against_label", "kept"]

FILTER_OUTCOMES: tuple[FilterOutcome, ...] = get_args(FilterOutcome)


def filter_pairs(
    pairs: Sequence[Mapping[str, Any]], judgements: Sequence[Judgement]
) -> tuple[list[Judgement], list[FilterOutcome]]:
    """Filter the judgements of one teacher.

    The first rule that a pair breaks is its outcome. A missing order counts as unparsed. A tie is a verdict
    like the others: it is consistent only with a tie, and agrees only with the label ``tie``.

    Args:
        pairs: rows of ``records.PAIRS``.
        judgements: un-swapped, at most one for each pair and order.

    Returns:
        The kept judgements, a pair's two orders adjacent (ab, ba), and one outcome per pair, both in the
        order of ``pairs``.

    Raises:
        ValueError: there are judgements of two teachers or of an unknown pair, or two of one pair and order.
    """
    if len(judges := sorted({judgement.judge for judgement in judgements})) > 1:
        raise ValueError(f"judgements of {judges}: filter one teacher at a time")
    by_order: dict[tuple[str, Order], Judgement] = {}
    known = {pair["pair_id"] for pair in pairs}
    for judgement in judgements:
        key = (judgement.pair_id, judgement.order)
        if judgement.pair_id not in known:
            raise ValueError(f"judgement of pair {judgement.pair_id!r}, which is not among the pairs")
        if key in by_order:
            raise ValueError(
                f"two judgements of pair {key[0]!r} in order {key[1]!r}; one per order is expected"
            )
        by_order[key] = judgement

    consistent: list[Judgement] = []
    outcomes: list[FilterOutcome] = []
    for pair in pairs:
        of_pair = [by_order[key] for order in ORDERS if (key := (pair["pair_id"], order)) in by_order]
        outcomes.append(_outcome(of_pair, pair["label"]))
        if outcomes[-1] == "kept":
            consistent += of_pair
    return consistent, outcomes


def _outcome(judgements: Sequence[Judgement], label: str) -> FilterOutcome:
    verdicts = {judgement.verdict for judgement in judgements}
    if len(judgements) < len(ORDERS) or "none" in verdicts:
        return "unparsed"
    if orders_disagree([judgement.verdict for judgement in judgements]):
        return "inconsistent"
    return "kept" if label in verdicts else "against_label"


def drop_table(outcomes: Sequence[FilterOutcome], by: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Counts and shares of the outcomes per group of ``by``, e.g. per teacher and domain.

    Args:
        outcomes: one per pair.
        by: columns to group by, each with one value per pair.

    Returns:
        One row per group, sorted: the columns of ``by``, ``n``, one column of counts per outcome and one of
        shares of n (``kept_share`` …).

    Raises:
        ValueError: there is no column, or one has another length than ``outcomes``.
    """
    if not by or any(len(column) != len(outcomes) for column in by.values()):
        lengths = {name: len(column) for name, column in by.items()}
        raise ValueError(f"by needs at least one column, each of {len(outcomes)} values; it has {lengths}")
    columns: dict[str, Sequence[Any]] = {**by, "n": [1] * len(outcomes)}
    for outcome in FILTER_OUTCOMES:
        columns[outcome] = [int(value == outcome) for value in outcomes]
    table = pd.DataFrame(columns).groupby(list(by), as_index=False).sum()
    for outcome in FILTER_OUTCOMES:
        table[f"{outcome}_share"] = table[outcome] / table["n"]
    return table

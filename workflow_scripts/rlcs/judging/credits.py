"""Statistics of judgements: credits, flips and probabilities by pair, and shares (docs/method.md, "Numbers").

Functions that give one number per pair are for ``statistics.bootstrap_mean``. A share of nothing is None.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rlcs.records import ORDERS, Judgement, Label, Verdict
from rlcs.verdict import WIN_CREDIT, compare, orders_disagree, soft_win_probability, win_probability


def judgements_by_pair(judgements: Iterable[Judgement]) -> dict[str, list[Judgement]]:
    """All judgements of each pair or match, in their order."""
    by_pair: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        by_pair[judgement.pair_id].append(judgement)
    return dict(by_pair)


def win_credits(judgements: Iterable[Judgement]) -> dict[str, float]:
    """p(a wins) by pair or match, the mean over its verdicts, a tie as ½; left out if there is no verdict."""
    wins = {pair: win_probability(verdicts) for pair, verdicts in _verdicts(judgements).items()}
    return {pair: won for pair, won in wins.items() if won is not None}


def pair_credits(judgements: Iterable[Judgement], labels: Mapping[str, Label]) -> dict[str, float]:
    """Accuracy by pair, the mean of ``credit`` over its verdicts; pairs without a verdict are left out.

    Raises:
        ValueError: a judged pair has no entry in ``labels``.
    """
    return _label_credits(win_credits(judgements), labels)


def both_orders_credits(judgements: Iterable[Judgement], labels: Mapping[str, Label]) -> dict[str, float]:
    """Accuracy of a pair's p: 1 if p is on the label's side of one half, ½ at one half, else 0.

    Raises:
        ValueError: a judged pair has no entry in ``labels``.
    """
    verdicts = both_orders_verdicts(judgements)
    return _label_credits({pair: WIN_CREDIT[verdict] for pair, verdict in verdicts.items()}, labels)


def decide_by_both_orders(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The judgements, with the verdict of ``both_orders_verdicts`` in each order of a pair."""
    verdicts = both_orders_verdicts(judgements)
    return [replace(judgement, verdict=verdicts.get(judgement.pair_id, "none")) for judgement in judgements]


def both_orders_verdicts(judgements: Iterable[Judgement]) -> dict[str, Verdict]:
    """The story that a pair's p is for, a tie at one half.

    p is that of ``verdict.soft_win_probability``, as a reward with ``orders: both`` and ``probability: soft``
    reads it: the mean over the verdicts in both orders, each with the judge's own p if it has one. Pairs
    without a verdict are left out.
    """
    known = {pair: soft_win_probability(both) for pair, both in judgements_by_pair(judgements).items()}
    # rounded, so that p and 1 - p in the two orders are one half together
    return {pair: compare(round(p, 12), 0.5) for pair, p in known.items() if p is not None}


def _label_credits(won: Mapping[str, float], labels: Mapping[str, Label]) -> dict[str, float]:
    """Credit by pair of p(a wins) for the label; pairs with a tied label are left out."""
    credits = {}
    for pair, p in won.items():
        if pair not in labels:
            raise ValueError(f"pair {pair!r} was judged, but has no label")
        if labels[pair] != "tie":
            credits[pair] = p if labels[pair] == "a" else 1 - p
    return credits


def pair_flips(judgements: Iterable[Judgement]) -> dict[str, float]:
    """1 if a pair's two orders disagree (``verdict.orders_disagree``), else 0, by pair.

    Pairs without two verdicts are left out.
    """
    parsed = {pair: verdicts for pair, verdicts in _verdicts(judgements).items() if "none" not in verdicts}
    return {pair: float(orders_disagree(v)) for pair, v in parsed.items() if len(v) == len(ORDERS)}


def pair_probabilities(judgements: Iterable[Judgement]) -> dict[str, float]:
    """p(a wins) by pair, the mean over the orders that have a p; pairs without one are left out."""
    known: dict[str, list[float]] = defaultdict(list)
    for judgement in judgements:
        if judgement.verdict != "none" and judgement.p_a is not None:
            known[judgement.pair_id].append(judgement.p_a)
    return {pair: math.fsum(p) / len(p) for pair, p in known.items()}


def flip_rate(judgements: Iterable[Judgement]) -> float | None:
    """Share of the pairs with a verdict in both orders whose orders disagree."""
    return _mean(pair_flips(judgements).values())


def first_position_share(judgements: Iterable[Judgement]) -> float | None:
    """Share of the story shown first among the verdicts that prefer a story; ½ without position bias."""
    decided = [judgement for judgement in judgements if judgement.verdict in ("a", "b")]
    return _mean((judgement.verdict == "a") == (judgement.order == "ab") for judgement in decided)


def unparsed_share(judgements: Iterable[Judgement]) -> float | None:
    """Share of ``none`` among all judgements."""
    return _mean(judgement.verdict == "none" for judgement in judgements)


def truncated_answer_share(judgements: Iterable[Judgement]) -> float | None:
    """Share of judgements without a verdict because the token limit ended the answer, among all."""
    return _mean(judgement.truncated for judgement in judgements)


def tie_share(judgements: Iterable[Judgement]) -> float | None:
    """Share of ties among the verdicts that could be read."""
    return _mean(judgement.verdict == "tie" for judgement in judgements if judgement.verdict != "none")


def _verdicts(judgements: Iterable[Judgement]) -> dict[str, list[Verdict]]:
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for judgement in judgements:
        verdicts[judgement.pair_id].append(judgement.verdict)
    return verdicts


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else None

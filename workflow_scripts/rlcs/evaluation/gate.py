"""The gate between judges and policies: figures on validation pairs, and the limits that a judge breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rlcs.config.gate import GateConfig
from rlcs.evaluation.alignment import unread_as_tie
from rlcs.evaluation.crossed import with_exact_bounds
from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.statistics import Estimate, bootstrap_mean, estimate_mean
from rlcs.judging.credits import pair_credits, pair_flips, unparsed_share
from rlcs.records import Judgement, Row


@dataclass(frozen=True)
class GateFigures:
    """Figures of one judge of one seed on labelled pairs; intervals are over contexts, exact at 0 and 1.

    Attributes:
        pairs: judged pairs.
        accuracy: of the pairs whose label is no tie; a verdict that cannot be read counts one half.
        flip_rate: of the pairs with a verdict in both orders.
        unparsed: share of the judgements without a verdict.
    """

    pairs: int
    accuracy: Estimate
    flip_rate: Estimate
    unparsed: Estimate


def measure_judge(judgements: Sequence[Judgement], pairs: Sequence[Row], *, seed: int) -> GateFigures:
    """Measure a judge.

    Args:
        pairs: rows of PAIRS, among them all judged ones.
        seed: of the bootstraps.

    Raises:
        ValueError: a judged pair is not in ``pairs``.
    """
    labels = {pair["pair_id"]: pair["label"] for pair in pairs}
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}

    def rate(by_pair: Mapping[str, float]) -> Estimate:
        return with_exact_bounds(
            estimate_mean(by_pair, context_of, seed), len({context_of[pair] for pair in by_pair})
        )

    accuracy = rate(pair_credits(map(unread_as_tie, judgements), labels))
    judged = {judgement.pair_id for judgement in judgements}
    shares = [
        (share, context_of[judgement.pair_id])
        for judgement in judgements
        if (share := unparsed_share([judgement])) is not None
    ]
    unparsed = with_exact_bounds(
        bootstrap_mean(shares, seed=seed), len({context_of[pair] for pair in judged})
    )
    return GateFigures(len(judged), accuracy, rate(pair_flips(judgements)), unparsed)


def gate_problems(figures: GateFigures, gate: GateConfig) -> list[str]:
    """Describe each limit that the figures break, with the figure, its n and the key of the limit.

    An accuracy without an interval, over fewer than two contexts, breaks ``min_accuracy``: it may be chance.
    """
    problems = []
    accuracy, flips, unparsed = figures.accuracy, figures.flip_rate, figures.unparsed
    if gate.min_accuracy is not None and accuracy.n == 0:
        problems.append(
            f"none of {figures.pairs} validation pairs has a preferred story: nothing shows accuracy above "
            f"gate.min_accuracy = {gate.min_accuracy:.1%}; raise data.splits.validation"
        )
    elif gate.min_accuracy is not None and not accuracy.low > gate.min_accuracy:
        problems.append(
            f"the accuracy is {accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}] on {accuracy.n} "
            f"pairs, and the interval is not above gate.min_accuracy = {gate.min_accuracy:.1%}"
        )
    if flips.value > gate.max_flip_rate:
        problems.append(
            f"{flips.value:.1%} of {flips.n} pairs flip with the order, more than gate.max_flip_rate = "
            f"{gate.max_flip_rate:.1%}"
        )
    if unparsed.value > gate.max_unparsed_share:
        problems.append(
            f"{unparsed.value:.1%} of {unparsed.n} judgements have no verdict, more than "
            f"gate.max_unparsed_share = {gate.max_unparsed_share:.1%}"
        )
    return problems


def gate_table(judged: Judged, pairs: Sequence[Row]) -> pd.DataFrame:
    """Tabulate the figures of judges, a row for each judge and seed, which is the bootstraps' seed, too."""
    rows = []
    for judge, seeds in judged.items():
        for number, judgements in seeds.items():
            figures = measure_judge(judgements, pairs, seed=number)
            rows.append(
                {
                    "judge": judge,
                    "seed": number,
                    "pairs": figures.pairs,
                    "accuracy_unread": figures.accuracy,
                    "flip_rate": figures.flip_rate,
                    "unparsed": figures.unparsed,
                }
            )
    return pd.DataFrame(rows, dtype=object)

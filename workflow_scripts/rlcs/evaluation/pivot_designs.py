"""Quality of pointwise rewards by design (pivots, orders, probabilities), measured without training.

Groups of stories are judged once, every pair in both orders; each design then draws its pivots and orders
from these judgements, again and again, by the functions that training uses. The truth is the utility.

GRPO uses a reward less its group's mean, a_i = r_i − mean r. With t_i the same for a perfect judge, who has
the utilities and the same pivots,

    bias = √ mean_i (E (a_i − t_i))²,   noise = √ mean_i Var a_i,   both over draws.

So the bias is the judge's. That of the pivots themselves, which have 0 against themselves, is a factor
(G − 1) / G on all rewards and changes no advantage. The noise has the draw of pivots in it. The signal is
the correlation ρ of a_i with u_i within groups, a group without variance counting 0. A gradient of N groups
has a signal-to-noise ratio that grows with N ρ², so at a fixed number of judge calls designs compare by
ρ² / calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd

from rlcs.evaluation.crossed import estimate_items
from rlcs.evaluation.statistics import Floats, mean_or_none
from rlcs.evaluation.truncation import truncated_share
from rlcs.records import Judgement, Order, Row
from rlcs.rewards.pivots import draw_pivots, pivot_rewards, plan_comparisons
from rlcs.verdict import WIN_CREDIT, soft_win_probability, swapped, win_probability

GroupJudgements = Mapping[tuple[int, int, Order], Judgement]
"""Judgements of one group by (i, j, order) with i < j; in order ``ab`` story i was shown first."""

PIVOTS = (1, 2, 4)
DRAWS = 32  # of pivots and orders per group


@dataclass(frozen=True)
class Design:
    """One way to turn comparisons into pointwise rewards."""

    pivots: int
    orders: Literal["both", "random"]
    probability: Literal["hard", "soft"]


SHOWN_ORDERS: tuple[Literal["both", "random"], ...] = ("random", "both")
POINTS: tuple[Literal["hard", "soft"], ...] = ("hard", "soft")
DESIGNS = tuple(Design(*design) for design in product(PIVOTS, SHOWN_ORDERS, POINTS))


@dataclass(frozen=True)
class Group:
    """Stories of one context and seed: the judge's judgements of every pair, and the utilities (G,)."""

    context_id: str
    judgements: GroupJudgements
    utilities: Sequence[float]
    seed: int = 0


@dataclass(frozen=True)
class DesignQuality:
    """Quality of a design on a group: squared bias, variance, correlation with the utility, judge calls."""

    squared_bias: float
    variance: float
    signal: float
    calls: float


def draw_rewards(group: Group, design: Design, draw: int) -> tuple[Floats, Floats, int]:
    """Centred rewards (G,) of one draw, nan without a comparison left; a perfect judge's; the judge calls."""
    size = len(group.utilities)
    seeds = {"seed": 0, "step": draw, "group": 0}
    pivots = draw_pivots(size, design.pivots, **seeds)
    by_pair: dict[tuple[int, int], list[Judgement]] = defaultdict(list)
    for story, pivot, order in plan_comparisons(size, pivots, orders=design.orders, **seeds):
        by_pair[story, pivot].append(_judgement(group.judgements, story, pivot, order))
    outcomes = {pair: _probability(judgements, design) for pair, judgements in by_pair.items()}
    points = np.array(pivot_rewards(size, outcomes, pivots), dtype=float)
    true_outcomes = {(i, p): (1 + np.sign(group.utilities[i] - group.utilities[p])) / 2 for i, p in by_pair}
    truth = np.array(pivot_rewards(size, true_outcomes, pivots), dtype=float)
    truth[np.isnan(points)] = np.nan
    return points - np.nanmean(points), truth - np.nanmean(truth), sum(map(len, by_pair.values()))


def _judgement(judgements: GroupJudgements, story: int, pivot: int, order: Order) -> Judgement:
    """The judgement of (story, pivot), mirrored if the pivot comes first in the group."""
    if story < pivot:
        return judgements[story, pivot, order]
    mirrored = judgements[pivot, story, "ba" if order == "ab" else "ab"]
    p_a = None if mirrored.p_a is None else 1 - mirrored.p_a
    return Judgement(mirrored.pair_id, order, mirrored.judge, swapped(mirrored.verdict), p_a=p_a)


def _probability(judgements: Sequence[Judgement], design: Design) -> float | None:
    if design.probability == "soft":
        return soft_win_probability(judgements)
    return win_probability([judgement.verdict for judgement in judgements])


def evaluate_design(group: Group, design: Design, draws: int = DRAWS) -> DesignQuality:
    """Evaluate a design on a group, over ``draws`` draws of pivots and orders."""
    drawn = [draw_rewards(group, design, draw) for draw in range(draws)]
    points, truth = (np.array([rewards[side] for rewards in drawn]) for side in (0, 1))
    known = ~np.isnan(points).all(axis=0)
    points, truth = points[:, known], truth[:, known]
    return DesignQuality(
        squared_bias=float(np.mean(np.nanmean(points - truth, axis=0) ** 2)),
        variance=float(np.mean(np.nanvar(points, axis=0))),
        signal=float(np.mean([_correlation(row, np.asarray(group.utilities)[known]) for row in points])),
        calls=float(np.mean([calls for _, _, calls in drawn])),
    )


def _correlation(x: Floats, y: Floats) -> float:
    both = ~np.isnan(x)
    if both.sum() < 2 or np.ptp(x[both]) < 1e-12 or np.ptp(y[both]) < 1e-12:
        return 0.0
    return float(np.corrcoef(x[both], y[both])[0, 1])


def make_groups(
    utilities: Mapping[tuple[str, int], float], judgements: Iterable[Judgement], seed: int = 0
) -> list[Group]:
    """Group judgements by context.

    Args:
        utilities: by (context, sample number); samples count from 0.
        judgements: of all pairs of a group, named ``context/i/j`` with i < j, in both orders.
        seed: of the stories and the judge.
    """
    by_context: dict[str, dict[tuple[int, int, Order], Judgement]] = defaultdict(dict)
    for judgement in judgements:
        context, i, j = judgement.pair_id.rsplit("/", 2)
        by_context[context][int(i), int(j), judgement.order] = judgement
    return [
        Group(context, judged, [utilities[context, i] for i in range(1 + max(j for _, j, _ in judged))], seed)
        for context, judged in by_context.items()
    ]


def error_rates(groups: Sequence[Group]) -> dict[str, float | None]:
    """Measure how often a judge names the first story if it is the better one (TPR) and if it is not (FPR).

    A tie counts one half; pairs of equal utility and judgements without a verdict are left out. A rate over
    nothing is None.
    """
    named: dict[bool, list[float]] = {True: [], False: []}
    for group in groups:
        for (i, j, order), judgement in group.judgements.items():
            if judgement.verdict != "none" and group.utilities[i] != group.utilities[j]:
                first_is_better = (group.utilities[i] > group.utilities[j]) == (order == "ab")
                credit = WIN_CREDIT[judgement.verdict]
                named[first_is_better].append(credit if order == "ab" else 1 - credit)
    return {
        "true_positive_rate": mean_or_none(named[True]),
        "false_positive_rate": mean_or_none(named[False]),
    }


def pivot_table(
    groups: Mapping[str, Sequence[Group]], stories: Mapping[str, Sequence[Row]], *, seed: int
) -> pd.DataFrame:
    """One row per judge and design; intervals are over contexts, and over seeds if there are several.

    Args:
        groups: by judge.
        stories: rows of STORIES, those of the groups, by judge.
        seed: of the bootstraps.
    """
    rows: list[dict[str, Any]] = []
    for judge, of_judge in groups.items():
        judge_rows: list[dict[str, Any]] = []
        truncated = truncated_share(stories[judge], seed=seed)
        for design in DESIGNS:
            qualities = [evaluate_design(group, design) for group in of_judge]
            calls = float(np.mean([quality.calls for quality in qualities]))
            signals = [
                (quality.signal, group.seed, group.context_id)
                for quality, group in zip(qualities, of_judge, strict=True)
            ]
            signal = estimate_items(signals, seed=seed)
            judge_rows.append(
                {
                    "judge": judge,
                    "pivots": design.pivots,
                    "orders": design.orders,
                    "points": design.probability,
                    "calls_per_group": calls,
                    "bias": float(np.sqrt(np.mean([quality.squared_bias for quality in qualities]))),
                    "noise": float(np.sqrt(np.mean([quality.variance for quality in qualities]))),
                    "signal": signal,
                    "per_call": max(signal.value, 0.0) ** 2 / calls,
                    "truncated": truncated,
                }
            )
        unit = judge_rows[0]["per_call"] or 1.0
        rows += [row | {"per_call": row["per_call"] / unit} for row in judge_rows]
    return pd.DataFrame(rows, dtype=object)


def noise_table(
    groups: Mapping[str, Sequence[Group]], stories: Mapping[str, Sequence[Row]], *, seed: int
) -> pd.DataFrame:
    """One row per judge: how often it names the first story when that is better, and when it is worse.

    Arguments as for ``pivot_table``.
    """
    rows = []
    for judge, of_judge in groups.items():
        judgements = sum(len(group.judgements) for group in of_judge)
        truncated = truncated_share(stories[judge], seed=seed)
        rows.append(
            {"judge": judge, "judgements": judgements, **error_rates(of_judge), "truncated": truncated}
        )
    return pd.DataFrame(rows, dtype=object)

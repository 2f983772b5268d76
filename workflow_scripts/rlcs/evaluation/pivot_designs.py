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
ρ² / calls, and designs of several judges by ρ² / tokens that the judge wrote.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from rlcs.evaluation.crossed import estimate_items
from rlcs.evaluation.statistics import Floats, mean_or_none
from rlcs.evaluation.truncation import truncated_share
from rlcs.records import ORDERS, Judgement, Order, Row
from rlcs.rewards.pivots import draw_pivots, pivot_rewards, plan_comparisons
from rlcs.verdict import WIN_CREDIT, soft_win_probability, swapped, win_probability

GroupJudgements = Mapping[tuple[int, int, Order], Judgement]
"""Judgements of one group by (i, j, order) with i < j; in order ``ab`` story i was shown first."""

PIVOTS = (1, 2, 4)
DRAWS = 32  # of pivots and orders per group


@dataclass(frozen=True)
class Design:
    """One way to turn judgements into pointwise rewards.

    ``pivot`` is ``chosen`` for a story that people preferred, and ``none`` for a judge's plain scores.
    """

    pivots: int
    orders: Literal["both", "random", "none"]
    probability: Literal["hard", "soft"]
    pivot: Literal["drawn", "chosen", "none"] = "drawn"


SHOWN_ORDERS: tuple[Literal["both", "random"], ...] = ("random", "both")
POINTS: tuple[Literal["hard", "soft"], ...] = ("hard", "soft")
DESIGNS = tuple(Design(*design) for design in product(PIVOTS, SHOWN_ORDERS, POINTS))
CHOSEN_DESIGNS = tuple(Design(1, *design, "chosen") for design in product(SHOWN_ORDERS, POINTS))
SCALAR_DESIGN = Design(0, "none", "soft", "none")


@dataclass(frozen=True)
class Group:
    """Stories of one context and seed: the judge's judgements of every pair, and the utilities (G,).

    ``chosen`` is the utility of a story that people preferred, which is judged as story number G; None
    without one. ``alone`` has the judgements of each story with itself, by its number, if the judge scores
    stories by themselves. Such a judge answers once for each story, whatever it is compared with.
    ``writes_both``: a judgement of one order takes the answers of both, as a probe on analyses does.
    """

    context_id: str
    judgements: GroupJudgements
    utilities: Sequence[float]
    seed: int = 0
    chosen: float | None = None
    alone: Mapping[int, Judgement] = field(default_factory=dict)
    writes_both: bool = False

    def utility(self, story: int) -> float:
        """The utility of a story of the group, or of the chosen one, which has number G."""
        if story < len(self.utilities):
            return self.utilities[story]
        assert self.chosen is not None, f"{self.context_id} has no chosen story"
        return self.chosen

    @property
    def own_judgements(self) -> GroupJudgements:
        """The judgements without those of the chosen story."""
        size = len(self.utilities)
        return {(i, j, order): said for (i, j, order), said in self.judgements.items() if j < size}


@dataclass(frozen=True)
class DesignQuality:
    """Quality of a design on a group: squared bias, variance, correlation with the utility, and its price.

    The bias of plain scores is nan, since their unit is not that of the utility.
    """

    squared_bias: float
    variance: float
    signal: float
    calls: float
    tokens: float


class DrawnRewards(NamedTuple):
    """Centred rewards (G,) of one draw, nan without a comparison left; a perfect judge's; the price."""

    points: Floats
    truth: Floats
    calls: int
    tokens: int


def draw_rewards(group: Group, design: Design, draw: int) -> DrawnRewards:
    """Draw pivots and orders, and make a group's rewards from its judgements."""
    size = len(group.utilities)
    if design.pivot == "none":
        points = np.array([group.alone[i].score_a for i in range(size)], dtype=float)
        return DrawnRewards(_centred(points), np.full(size, np.nan), *_price(group, range(size)))
    seeds = {"seed": 0, "step": draw, "group": 0}
    pivots = [size] if design.pivot == "chosen" else draw_pivots(size, design.pivots, **seeds)
    orders: Literal["both", "random"] = "both" if design.orders == "both" else "random"
    by_pair: dict[tuple[int, int], list[Judgement]] = defaultdict(list)
    for story, pivot, order in plan_comparisons(size, pivots, orders=orders, **seeds):
        by_pair[story, pivot].append(_judgement(group.judgements, story, pivot, order))
    outcomes = {pair: _probability(judgements, design) for pair, judgements in by_pair.items()}
    points = np.array(pivot_rewards(size, outcomes, pivots), dtype=float)
    true_outcomes = {(i, p): (1 + np.sign(group.utility(i) - group.utility(p))) / 2 for i, p in by_pair}
    truth = np.array(pivot_rewards(size, true_outcomes, pivots), dtype=float)
    truth[np.isnan(points)] = np.nan
    if group.alone:
        price = _price(group, {story for pair in by_pair for story in pair})
    else:
        written = [
            judgement
            for (story, pivot), drawn in by_pair.items()
            for judgement in (_both(group.judgements, story, pivot) if group.writes_both else drawn)
        ]
        price = len(written), sum(judgement.tokens for judgement in written)
    return DrawnRewards(_centred(points), _centred(truth), *price)


def _centred(points: Floats) -> Floats:
    """Rewards less their mean, as GRPO has them; all nan stay nan."""
    return points if np.isnan(points).all() else points - np.nanmean(points)


def _price(group: Group, stories: Iterable[int]) -> tuple[int, int]:
    """Calls and tokens of a judge that answers once for each story."""
    tokens = [group.alone[story].tokens for story in stories]
    return len(tokens), sum(tokens)


def _judgement(judgements: GroupJudgements, story: int, pivot: int, order: Order) -> Judgement:
    """The judgement of (story, pivot), mirrored if the pivot comes first in the group."""
    if story < pivot:
        return judgements[story, pivot, order]
    mirrored = judgements[pivot, story, "ba" if order == "ab" else "ab"]
    p_a = None if mirrored.p_a is None else 1 - mirrored.p_a
    verdict = swapped(mirrored.verdict)
    return Judgement(mirrored.pair_id, order, mirrored.judge, verdict, mirrored.tokens, p_a=p_a)


def _both(judgements: GroupJudgements, story: int, pivot: int) -> list[Judgement]:
    return [_judgement(judgements, story, pivot, order) for order in ORDERS]


def _probability(judgements: Sequence[Judgement], design: Design) -> float | None:
    if design.probability == "soft":
        return soft_win_probability(judgements)
    return win_probability([judgement.verdict for judgement in judgements])


def evaluate_design(group: Group, design: Design, draws: int = DRAWS) -> DesignQuality:
    """Evaluate a design on a group, over ``draws`` draws of pivots and orders."""
    drawn = [draw_rewards(group, design, draw) for draw in range(draws)]
    points, truth = np.array([rewards.points for rewards in drawn]), np.array([d.truth for d in drawn])
    known = ~np.isnan(points).all(axis=0)
    points, truth = points[:, known], truth[:, known]
    plain = design.pivot == "none"
    return DesignQuality(
        squared_bias=math.nan if plain else float(np.mean(np.nanmean(points - truth, axis=0) ** 2)),
        variance=float(np.mean(np.nanvar(points, axis=0))),
        signal=float(np.mean([_correlation(row, np.asarray(group.utilities)[known]) for row in points])),
        calls=float(np.mean([rewards.calls for rewards in drawn])),
        tokens=float(np.mean([rewards.tokens for rewards in drawn])),
    )


def _correlation(x: Floats, y: Floats) -> float:
    both = ~np.isnan(x)
    if both.sum() < 2 or np.ptp(x[both]) < 1e-12 or np.ptp(y[both]) < 1e-12:
        return 0.0
    return float(np.corrcoef(x[both], y[both])[0, 1])


def make_groups(
    utilities: Mapping[tuple[str, int], float],
    judgements: Iterable[Judgement],
    size: int,
    seed: int = 0,
    *,
    writes_both: bool = False,
) -> list[Group]:
    """Group judgements by context.

    Args:
        utilities: by (context, sample number); samples count from 0, and number ``size`` is the chosen story.
        judgements: of all pairs of a group, named ``context/i/j`` with i < j, in both orders; of a judge that
            scores stories by themselves, also those named ``context/i/i``, in order ``ab``.
        size: stories of a group.
        seed: of the stories and the judge.
        writes_both: as in ``Group``.
    """
    by_context: dict[str, dict[tuple[int, int, Order], Judgement]] = defaultdict(dict)
    alone: dict[str, dict[int, Judgement]] = defaultdict(dict)
    for judgement in judgements:
        context, i, j = judgement.pair_id.rsplit("/", 2)
        if i == j:
            alone[context][int(i)] = judgement
        else:
            by_context[context][int(i), int(j), judgement.order] = judgement
    return [
        Group(
            context,
            judged,
            [utilities[context, i] for i in range(size)],
            seed,
            utilities.get((context, size)),
            alone[context],
            writes_both,
        )
        for context, judged in by_context.items()
    ]


def designs_of(groups: Sequence[Group]) -> list[Design]:
    """The designs that differ for a judge's groups.

    A judge that scores stories by themselves says the same in both orders, and its plain scores are one more
    design. Without a chosen story in any group there are no such designs.
    """
    designs = [*DESIGNS, *(CHOSEN_DESIGNS if any(group.chosen is not None for group in groups) else ())]
    if any(group.alone for group in groups):
        return [SCALAR_DESIGN, *(design for design in designs if design.orders == "random")]
    return designs


def error_rates(groups: Sequence[Group]) -> dict[str, float | None]:
    """Measure how often a judge names the first story if it is the better one (TPR) and if it is not (FPR).

    A tie counts one half; pairs of equal utility and judgements without a verdict are left out. A rate over
    nothing is None.
    """
    named: dict[bool, list[float]] = {True: [], False: []}
    for group in groups:
        for (i, j, order), judgement in group.own_judgements.items():
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
        for design in designs_of(of_judge):
            used = [group for group in of_judge if design.pivot != "chosen" or group.chosen is not None]
            qualities = [evaluate_design(group, design) for group in used]
            calls = float(np.mean([quality.calls for quality in qualities]))
            tokens = float(np.mean([quality.tokens for quality in qualities]))
            signals = [
                (quality.signal, group.seed, group.context_id)
                for quality, group in zip(qualities, used, strict=True)
            ]
            signal = estimate_items(signals, seed=seed)
            bias = float(np.sqrt(np.mean([quality.squared_bias for quality in qualities])))
            gain = max(signal.value, 0.0) ** 2
            judge_rows.append(
                {
                    "judge": judge,
                    "pivot": design.pivot,
                    "pivots": design.pivots,
                    "orders": design.orders,
                    "points": "score" if design.pivot == "none" else design.probability,
                    "calls_per_group": calls,
                    "tokens_per_group": tokens,
                    "bias": None if math.isnan(bias) else bias,
                    "noise": float(np.sqrt(np.mean([quality.variance for quality in qualities]))),
                    "signal": signal,
                    "per_call": gain / calls,
                    "per_token": 1000 * gain / tokens if tokens else None,
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
        judgements = sum(len(group.own_judgements) for group in of_judge)
        truncated = truncated_share(stories[judge], seed=seed)
        rows.append(
            {"judge": judge, "judgements": judgements, **error_rates(of_judge), "truncated": truncated}
        )
    return pd.DataFrame(rows, dtype=object)

"""Rewards of a group of stories from comparisons with pivots (docs/method.md, "From pairs to points").

Draws depend on (seed, step, group) alone, so a resumed run draws what an uninterrupted one draws.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random
from statistics import fmean
from typing import Literal

from rlcs.records import ORDERS, Order


def draw_pivots(group_size: int, pivots: int, *, seed: int, step: int, group: int) -> list[int]:
    """Draw the positions of the group's pivots, in ascending order.

    Raises:
        ValueError: not 1 ≤ pivots < group_size.
    """
    if not 1 <= pivots < group_size:
        raise ValueError(f"pivots = {pivots} must be at least 1 and less than group_size = {group_size}")
    return sorted(Random(f"pivots {seed} {step} {group}").sample(range(group_size), pivots))


def draw_chosen(stories: Sequence[str], *, seed: int, step: int, group: int) -> str:
    """Draw the group's pivot from the stories that people preferred; it is no story of the group."""
    return Random(f"chosen {seed} {step} {group}").choice(stories)


def plan_comparisons(
    group_size: int,
    pivots: Sequence[int],
    *,
    orders: Literal["both", "random"],
    seed: int,
    step: int,
    group: int,
) -> list[tuple[int, int, Order]]:
    """Plan a group's comparisons (story i, pivot p, order); in order ``ab`` the judge reads story i first.

    Every story meets every pivot, in both orders or in one drawn at random. No pivot meets itself. Two pivots
    meet once, as (earlier, later), since the reverse would make the same prompts. Comparisons are sorted by
    the story shown first, so that a prefix cache is used.

    Args:
        pivots: positions of the pivots; a position of ``group_size`` is a story from outside of the group.
    """
    random = Random(f"orders {seed} {step} {group}")
    comparisons = [
        (story, pivot, order)
        for story in range(group_size)
        for pivot in pivots
        if story != pivot and not (story in pivots and story > pivot)
        for order in (ORDERS if orders == "both" else random.sample(ORDERS, 1))
    ]
    return sorted(comparisons, key=lambda c: (c[0], c[1]) if c[2] == "ab" else (c[1], c[0]))


def pivot_rewards(
    group_size: int,
    outcomes: Mapping[tuple[int, int], float | None],
    pivots: Sequence[int],
    *,
    lost_by_both: Collection[tuple[int, int]] = (),
) -> list[float | None]:
    """Rewards r_i = mean over pivots p of 2 p(i beats p) − 1, in [−1, 1]; a pivot has 0 against itself.

    So the only pivot of a group gets 0: the others are measured against it. A pivot from outside of the group
    gets nothing.

    Args:
        group_size: stories in the group.
        outcomes: p(i beats p) by (i, p), None if the comparison failed; two pivots may stand in
            either order.
        pivots: positions of the pivots, as in ``plan_comparisons``.
        lost_by_both: comparisons that count as lost for either story, whatever their outcome.

    Returns:
        One reward per story, None if all its comparisons failed.

    Raises:
        KeyError: a comparison is missing and not marked as failed.
    """

    def probability(story: int, pivot: int) -> float | None:
        if story == pivot:
            return 0.5
        if (story, pivot) in lost_by_both or (pivot, story) in lost_by_both:
            return 0.0
        if story in pivots and (story, pivot) not in outcomes:
            mirrored = outcomes[pivot, story]
            return None if mirrored is None else 1 - mirrored
        return outcomes[story, pivot]

    rewards: list[float | None] = []
    for story in range(group_size):
        known = [p for pivot in pivots if (p := probability(story, pivot)) is not None]
        rewards.append(2 * fmean(known) - 1 if known else None)
    return rewards


def skew(rewards: Sequence[float | None]) -> float:
    """|Σ r| / G of one group, a story without a reward counting 0.

    It is large if the pivot was an unusually good or bad story. Then nearly all rewards of the group share a
    sign, and they say less about which stories are better (BRPO, arXiv 2506.00103).
    """
    return abs(sum(reward or 0.0 for reward in rewards)) / len(rewards)

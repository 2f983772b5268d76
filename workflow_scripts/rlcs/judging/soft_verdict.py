"""How sure a GenRM is of its verdict, from the distributions over its two scores.

Let P1 be the distribution over the possible scores at the place of the first score, and P2 the one at the
place of the second, given what was written before it. Then (our choice)

    p(first wins) = Σ_ij P1(i) P2(j) ([i > j] + ½ [i = j]).

P2 is conditional on the first score that was written, which is exact where P1 is certain. A model that writes
its scores before the last line has made up its mind there: then p is near 0 or 1, and votes are the better
measure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rlcs.records import Judgement


def with_probability(
    judgement: Judgement, places: Sequence[Mapping[str, float]], low: int, high: int
) -> Judgement:
    """A judgement with p(a beats b), where it was read and ``first_wins_by_logprobs`` knows one."""
    if judgement.verdict == "none":
        return judgement
    swapped = judgement.order == "ba"
    scores = (judgement.score_a, judgement.score_b)[:: -1 if swapped else 1]
    p = first_wins_by_logprobs(places, scores, low, high)
    return judgement if p is None else replace(judgement, p_a=1 - p if swapped else p)


def first_wins(p1: Sequence[float], p2: Sequence[float]) -> float:
    """p(first wins) of the formula above; both distributions over the same scores in ascending order."""
    return sum(
        a * b * (1.0 if i > j else 0.5 if i == j else 0.0) for i, a in enumerate(p1) for j, b in enumerate(p2)
    )


def first_wins_by_logprobs(
    places: Sequence[Mapping[str, float]], scores: Sequence[float | None], low: int, high: int
) -> float | None:
    """p(first wins) from what an endpoint says of the last two numbers that were written.

    Args:
        places: log probabilities by token, first of the token that was written
            (``answers.Answer.score_logprobs``). What an endpoint leaves out, being improbable, counts as 0.
        scores: the two that were read, in the order written.

    Returns:
        None where the numbers are not these scores: a score of several tokens, or no log probabilities.
    """
    written = [int(next(iter(place))) for place in places]
    if len(written) < 2 or written != list(scores):
        return None
    return first_wins(*(_distribution(place, low, high) for place in places))


def _distribution(place: Mapping[str, float], low: int, high: int) -> list[float]:
    """P over the scores alone."""
    said = {score: 0.0 for score in range(low, high + 1)}
    for token, logprob in place.items():
        if token.strip().isdecimal() and int(token) in said:
            said[int(token)] += math.exp(logprob)
    total = sum(said.values())
    return [p / total for p in said.values()]

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
from collections.abc import Iterable, Mapping, Sequence

from rlcs.verdict import parse_scores


def first_wins(p1: Sequence[float], p2: Sequence[float]) -> float:
    """p(first wins) of the formula above; both distributions over the same scores in ascending order."""
    return sum(
        a * b * (1.0 if i > j else 0.5 if i == j else 0.0) for i, a in enumerate(p1) for j, b in enumerate(p2)
    )


def first_wins_of_text(text: str, places: Sequence[Mapping[str, float]], low: int, high: int) -> float | None:
    """``first_wins_by_logprobs`` of the scores in a text's last line; None where they cannot be read."""
    scores = parse_scores(text, low, high)
    return None if scores is None else first_wins_by_logprobs(places, scores, low, high)


def first_wins_by_logprobs(
    places: Sequence[Mapping[str, float]], scores: Sequence[float], low: int, high: int
) -> float | None:
    """p(first wins) from the log probabilities at the last two numbers that were written.

    Args:
        places: of ``last_numbers``. What an endpoint leaves out, being improbable, counts as 0.
        scores: the two that were read, in the order written.

    Returns:
        None where the numbers are not these scores: a score of several tokens, or no log probabilities.
    """
    written = [int(next(iter(place))) for place in places]
    if len(written) < 2 or written != list(scores):
        return None
    return first_wins(*(_distribution(place, low, high) for place in places))


def last_numbers(places: Iterable[Mapping[str, float]]) -> Sequence[Mapping[str, float]]:
    """The places of the last two tokens that are numbers; none where there are fewer.

    Args:
        places: for each token of a text, log probabilities by token, first of the token that was written.
    """
    numbers = [place for place in places if next(iter(place)).strip().isdecimal()][-2:]
    return numbers if len(numbers) == 2 else ()


def _distribution(place: Mapping[str, float], low: int, high: int) -> list[float]:
    """P over the scores alone."""
    said = {score: 0.0 for score in range(low, high + 1)}
    for token, logprob in place.items():
        if token.strip().isdecimal() and int(token) in said:
            said[int(token)] += math.exp(logprob)
    total = sum(said.values())
    return [p / total for p in said.values()]

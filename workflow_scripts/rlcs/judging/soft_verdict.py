"""Confidence of a GenRM in its verdict, from the distributions over its two scores.

Let P1 be the distribution over the possible scores at the position of the first score, and P2 the one at
the position of the second, given the text before it. Design choice:

    p(first wins) = Σ_ij P1(i) P2(j) ([i > j] + ½ [i = j]).

In one answer about two stories, P2 is conditional on the first score that was written, which is exact if P1
is certain. Two answers about a story each are independent, and the formula is exact. A model that writes its
scores before the last line has decided there: then p is near 0 or 1, and votes are the better measure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rlcs.config.judging import LARGEST_DIGIT, ScoresConfig
from rlcs.verdict import written_scores


def check_scores(scores: ScoresConfig) -> None:
    """Check that p can be read from the log probabilities of a tokenizer that is not known.

    A tokenizer may write "10" as "1" and "0". Then the token "1" belongs to two scores, and p would be wrong.

    Raises:
        ValueError: a score of the range has several digits.
    """
    if not scores.are_digits:
        several = list(range(max(LARGEST_DIGIT + 1, scores.low), scores.high + 1))
        raise ValueError(
            f"scores {several} may be no single tokens of the endpoint's tokenizer, so their probability "
            f"cannot be read; choose judging.scores within 0 to {LARGEST_DIGIT}, or a hard probability"
        )


def first_wins(p1: Sequence[float], p2: Sequence[float]) -> float:
    """p(first wins) of the formula above; both distributions over the same scores in ascending order."""
    return sum(
        a * b * (1.0 if i > j else 0.5 if i == j else 0.0) for i, a in enumerate(p1) for j, b in enumerate(p2)
    )


def expected_score(distribution: Sequence[float], low: int) -> float:
    """Mean of a distribution over the scores ``low``, ``low`` + 1, …"""
    return sum(score * p for score, p in enumerate(distribution, start=low))


def distributions_of_text(
    text: str, positions: Sequence[Mapping[str, float]], low: int, high: int
) -> list[list[float]] | None:
    """The distribution at each score of a text's last line, from the log probabilities at its numbers.

    Args:
        positions: result of ``last_numbers``. A token that is left out is improbable and counts as 0.

    Returns:
        None if the last line is no score line, or if the last numbers are not its scores: a score has several
            tokens, or there are no log probabilities.
    """
    scores = written_scores(text, low, high)
    if scores is None:
        return None
    numbers = positions[-len(scores) :]
    if [int(next(iter(position))) for position in numbers] != list(scores):
        return None
    return [_distribution(position, low, high) for position in numbers]


def last_numbers(positions: Iterable[Mapping[str, float]]) -> Sequence[Mapping[str, float]]:
    """Log probabilities at the last two numeric tokens of a text, or at the only one.

    Args:
        positions: log probabilities by token at each position of the text, the written token first.
    """
    return [position for position in positions if next(iter(position)).strip().isdecimal()][-2:]


def _distribution(logprobs: Mapping[str, float], low: int, high: int) -> list[float]:
    """P over the scores alone, from the log probabilities by token at one position."""
    weights = {score: 0.0 for score in range(low, high + 1)}
    for token, logprob in logprobs.items():
        if token.strip().isdecimal() and int(token) in weights:
            weights[int(token)] += math.exp(logprob)
    total = sum(weights.values())
    return [p / total for p in weights.values()]

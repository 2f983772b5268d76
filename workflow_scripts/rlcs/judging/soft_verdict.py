"""Confidence of a GenRM in its verdict, from the distributions over its two scores.

Let P1 be the distribution over the possible scores at the position of the first score, and P2 the one at
the position of the second, given the text before it. Design choice:

    p(first wins) = Σ_ij P1(i) P2(j) ([i > j] + ½ [i = j]).

P2 is conditional on the first score that was written, which is exact if P1 is certain. A model that writes
its scores before the last line has decided there: then p is near 0 or 1, and votes are the better measure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rlcs.config.judging import LARGEST_DIGIT, ScoresConfig
from rlcs.verdict import parse_scores


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


def first_wins_of_text(
    text: str, positions: Sequence[Mapping[str, float]], low: int, high: int
) -> float | None:
    """``first_wins_by_logprobs`` of the scores in a text's last line; None if they cannot be read."""
    scores = parse_scores(text, low, high)
    return None if scores is None else first_wins_by_logprobs(positions, scores, low, high)


def first_wins_by_logprobs(
    positions: Sequence[Mapping[str, float]], scores: Sequence[float], low: int, high: int
) -> float | None:
    """p(first wins) from the log probabilities at the last two numbers that were written.

    Args:
        positions: result of ``last_numbers``. A token that is left out is improbable and counts as 0.
        scores: the two scores that were read, in the order written.

    Returns:
        None if the numbers are not these scores: a score has several tokens, or there are no log
            probabilities.
    """
    written = [int(next(iter(position))) for position in positions]
    if len(written) < 2 or written != list(scores):
        return None
    return first_wins(*(_distribution(position, low, high) for position in positions))


def last_numbers(positions: Iterable[Mapping[str, float]]) -> Sequence[Mapping[str, float]]:
    """Log probabilities at the last two numeric tokens of a text; empty if there are fewer than two.

    Args:
        positions: log probabilities by token at each position of the text, the written token first.
    """
    numbers = [position for position in positions if next(iter(position)).strip().isdecimal()][-2:]
    return numbers if len(numbers) == 2 else ()


def _distribution(logprobs: Mapping[str, float], low: int, high: int) -> list[float]:
    """P over the scores alone, from the log probabilities by token at one position."""
    weights = {score: 0.0 for score in range(low, high + 1)}
    for token, logprob in logprobs.items():
        if token.strip().isdecimal() and int(token) in weights:
            weights[int(token)] += math.exp(logprob)
    total = sum(weights.values())
    return [p / total for p in weights.values()]

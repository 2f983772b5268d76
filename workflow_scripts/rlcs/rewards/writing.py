"""Rewards of the writing itself: functions with TRL's signature, and their weighted sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Writing = Callable[..., list[float | None]]


def sum_rewards(writing: Sequence[tuple[Writing, float]], inputs: Mapping[str, Any]) -> list[float | None]:
    """Weighted sum of a story's rewards that are not None, as TRL's own; None if all are.

    Args:
        writing: reward functions and their weights.
        inputs: what TRL passes to each of them.

    Returns:
        One value per completion.
    """
    by_function = [(reward(**inputs), weight) for reward, weight in writing]
    return [
        _sum((rewards[i], weight) for rewards, weight in by_function)
        for i in range(len(inputs["completions"]))
    ]


def _sum(rewards: Iterable[tuple[float | None, float]]) -> float | None:
    known = [reward * weight for reward, weight in rewards if reward is not None]
    return sum(known) if known else None

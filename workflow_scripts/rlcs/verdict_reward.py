"""The reward of a GenRM: whether its verdict is the label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rlcs.judge_entries import Scores
from rlcs.prompts import Messages
from rlcs.records import Label, Order
from rlcs.verdict import compare, parse_scores

RIGHT, WRONG, UNPARSED = 1.0, 0.0, -1.0


def verdict_reward(text: str, order: Order, label: Label, low: int, high: int) -> float:
    """1 where the verdict is the label, 0 where it is not, -1 where it cannot be read (RLCS)."""
    scores = parse_scores(text, low, high)
    if scores is None:
        return UNPARSED
    score_a, score_b = scores if order == "ab" else (scores[1], scores[0])
    return RIGHT if compare(score_a, score_b) == label else WRONG


class VerdictReward:
    """``verdict_reward`` as a TRL reward function over the columns ``order`` and ``label``."""

    __name__ = "verdict"

    def __init__(self, scores: Scores) -> None:
        self.scores = scores

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        order: Sequence[Order],
        label: Sequence[Label],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        rewards = [
            verdict_reward(completion[-1]["content"], shown, truth, self.scores.low, self.scores.high)
            for completion, shown, truth in zip(completions, order, label, strict=True)
        ]
        log_metric("accuracy", rewards.count(RIGHT) / len(rewards))
        log_metric("unparsed", rewards.count(UNPARSED) / len(rewards))
        return rewards

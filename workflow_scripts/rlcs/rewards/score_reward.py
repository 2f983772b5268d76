"""Reward of a GenRM that reads one story: 1 if it scores the preferred story of a pair higher."""

from __future__ import annotations

from collections.abc import Sequence

from rlcs.records import Label, Order
from rlcs.rewards.verdict_reward import RIGHT, UNPARSED, WRONG, VerdictReward, match_orders
from rlcs.verdict import compare, parse_score

TIED = 0.5


def score_rewards(
    scores: Sequence[float | None], pair_id: Sequence[str], order: Sequence[Order], label: Sequence[Label]
) -> list[float]:
    """Rewards of scores: 1 if the preferred story's is higher, ½ if both are equal, 0 if it is lower.

    The prompt of order ab has story a, that of ba has story b. The g-th score of one is compared with the
    g-th of the other, and both get the same reward. A score that cannot be read has -1, and its partner 0.
    Design choice: ½, as a tie counts in the judge's accuracy.

    Args:
        scores: one per completion, None if it cannot be read.
        label: of each completion's pair, no tie.

    Raises:
        ValueError: as ``match_orders``.
    """
    rewards = [UNPARSED if score is None else WRONG for score in scores]
    for a, b in match_orders(pair_id, order):
        score_a, score_b = scores[a], scores[b]
        if score_a is not None and score_b is not None:
            verdict = compare(score_a, score_b)
            reward = TIED if verdict == "tie" else RIGHT if verdict == label[a] else WRONG
            rewards[a] = rewards[b] = reward
    return rewards


class ScoreReward(VerdictReward):
    """``VerdictReward`` with ``score_rewards`` of completions about single stories."""

    def rewards_of(
        self,
        texts: Sequence[str],
        truncated: Sequence[bool],
        order: Sequence[Order],
        label: Sequence[Label],
        pair_id: Sequence[str],
    ) -> list[float]:
        """``score_rewards`` of each completion's score."""
        low, high = self.scores.low, self.scores.high
        scores = [
            None if cut else parse_score(text, low, high) for text, cut in zip(texts, truncated, strict=True)
        ]
        return score_rewards(scores, pair_id, order, label)

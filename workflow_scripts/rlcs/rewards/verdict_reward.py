"""Rewards of a GenRM: 1 if its verdict is the label, or the likelihood of the label."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import Messages
from rlcs.models.generation import is_truncated
from rlcs.records import ORDERS, Label, Order
from rlcs.rewards.label_likelihood import LabelLikelihood
from rlcs.verdict import compare, parse_scores

RIGHT, WRONG, UNPARSED = 1.0, 0.0, -1.0
LIKELY = 0.5  # a likelihood of the label that makes a completion correct


def verdict_reward(
    text: str, order: Order, label: Label, low: int, high: int, *, truncated: bool = False
) -> float:
    """1 if the verdict is the label, 0 if it is not, -1 if it cannot be read (RLCS, arXiv 2601.07149).

    A truncated text is not read, as in ``read_judgement``: "Scores: 7 1" may have lost its last digit.
    """
    scores = None if truncated else parse_scores(text, low, high)
    if scores is None:
        return UNPARSED
    score_a, score_b = scores if order == "ab" else (scores[1], scores[0])
    return RIGHT if compare(score_a, score_b) == label else WRONG


def consistent_rewards(
    rewards: Sequence[float], pair_id: Sequence[str], order: Sequence[Order]
) -> list[float]:
    """Reward 1 only if both orders of a pair are right (docs/method.md, "The GenRM").

    The g-th completion of order ab is matched with the g-th of ba. A completion that cannot be read has -1,
    and its partner, which could be read, gets at most 0.

    Args:
        rewards: of ``verdict_reward``, one per completion.

    Raises:
        ValueError: as ``match_orders``.
    """
    consistent = list(rewards)
    for matched in match_orders(pair_id, order):
        if any(rewards[i] != RIGHT for i in matched):
            for i in matched:
                consistent[i] = min(rewards[i], WRONG)
    return consistent


def match_orders(pair_id: Sequence[str], order: Sequence[Order]) -> Iterator[tuple[int, int]]:
    """Positions of the g-th completions of each pair's orders ab and ba.

    Raises:
        ValueError: a pair has not as many completions in one order as in the other.
    """
    members: dict[tuple[str, Order], list[int]] = {}
    for i, key in enumerate(zip(pair_id, order, strict=True)):
        members.setdefault(key, []).append(i)
    for pair in dict.fromkeys(pair_id):
        both = [members.get((pair, shown), []) for shown in ORDERS]
        if len({len(indices) for indices in both}) > 1:
            raise ValueError(
                f"pair {pair!r} has {len(both[0])} completions in order ab and {len(both[1])} in ba; both "
                "orders of a pair must be in one batch of one process"
            )
        yield from zip(*both, strict=True)


class VerdictReward:
    """``verdict_reward`` as a TRL reward function over the columns ``order``, ``label`` and ``pair_id``.

    Args:
        limit, stop_tokens: of completions, as in ``generation.is_truncated``.
        consistent: reward a pair's completions by ``consistent_rewards``.
        likelihood: reward what can be read by p(label). A completion that ends in a score line, but not in
            two score tokens, has no reward.
    """

    __name__ = "verdict"

    def __init__(
        self,
        scores: ScoresConfig,
        *,
        limit: int | None,
        stop_tokens: Collection[int],
        consistent: bool = False,
        likelihood: LabelLikelihood | None = None,
    ) -> None:
        self.scores = scores
        self.limit = limit
        self.stop_tokens = frozenset(stop_tokens)
        self.consistent = consistent
        self.likelihood = likelihood

    def __call__(
        self,
        *,
        prompts: Sequence[Messages],
        completions: Sequence[Messages],
        completion_ids: Sequence[Sequence[int]],
        order: Sequence[Order],
        label: Sequence[Label],
        pair_id: Sequence[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        texts = [completion[-1]["content"] for completion in completions]
        truncated = [is_truncated(ids, self.limit, self.stop_tokens) for ids in completion_ids]
        rewards = self.rewards_of(texts, truncated, order, label, pair_id)
        log_metric("accuracy", sum(max(reward, WRONG) for reward in rewards) / len(rewards))
        log_metric("unparsed", rewards.count(UNPARSED) / len(rewards))
        if self.consistent:
            rewards = consistent_rewards(rewards, pair_id, order)
            log_metric("consistent", rewards.count(RIGHT) / len(rewards))
        if self.likelihood is None:
            return list(rewards)
        is_read = [reward != UNPARSED for reward in rewards]
        likely = self.likelihood(prompts, completion_ids, order, label, is_read)
        for p in likely:
            if p is not None:  # one by one: TRL takes the mean over those of all processes
                log_metric("label_probability", p)
        return [p if read else UNPARSED for p, read in zip(likely, is_read, strict=True)]

    def rewards_of(
        self,
        texts: Sequence[str],
        truncated: Sequence[bool],
        order: Sequence[Order],
        label: Sequence[Label],
        pair_id: Sequence[str],
    ) -> list[float]:
        """``verdict_reward`` of each completion."""
        low, high = self.scores.low, self.scores.high
        return [
            verdict_reward(text, shown, truth, low, high, truncated=cut)
            for text, cut, shown, truth in zip(texts, truncated, order, label, strict=True)
        ]

    def is_read(self, completion: Messages, ids: Sequence[int]) -> bool:
        """True if a completion ends in a score line, and not by the limit."""
        scores = parse_scores(completion[-1]["content"], self.scores.low, self.scores.high)
        return scores is not None and not is_truncated(ids, self.limit, self.stop_tokens)

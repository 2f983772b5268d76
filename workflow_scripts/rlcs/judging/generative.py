"""The generative judge: it asks a backend, and reads an analysis and two scores from each reply."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

from rlcs.config.judging import JudgingConfig
from rlcs.judging.backends import Backend, Reply
from rlcs.judging.soft_verdict import first_wins
from rlcs.records import Comparison, Judgement
from rlcs.verdict import by_majority, read_judgement


class GenerativeJudge:
    """A GenRM, or any language model that is prompted as one.

    Args:
        backend: answers the prompts. With a single vote it may read p(a beats b) from the score tokens; with
            several, p is the votes' share.
        votes: replies per comparison, which ``count_votes`` combines into one judgement.
    """

    def __init__(self, name: str, backend: Backend, judging: JudgingConfig, votes: int = 1) -> None:
        self.name = name
        self.backend = backend
        self.judging = judging
        self.votes = votes

    @property
    def shard_size(self) -> int | None:
        return self.backend.shard_size

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Judgements in the given order; ``none`` if there is no reply or it cannot be read.

        Raises:
            InputError: an endpoint leaves too many questions unanswered (``EndpointBackend.answer``).
        """
        return by_majority(self.answers(comparisons), self.votes)

    def answers(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Every vote as a judgement of its own, those of a comparison adjacent; raises as ``judge``."""
        prompts = [self.judging.prompt(comparison) for comparison in comparisons]
        replies = self.backend.answer(prompts, self.votes, seed_of(comparisons))
        repeated = [comparison for comparison in comparisons for _ in range(self.votes)]
        return [self._read(c, reply) for c, reply in zip(repeated, replies, strict=True)]

    def _read(self, comparison: Comparison, reply: Reply | None) -> Judgement:
        if reply is None:
            return Judgement(comparison.pair_id, comparison.order, self.name, "none")
        judgement = read_judgement(
            comparison,
            self.name,
            reply.text,
            reply.tokens,
            self.judging.scores.low,
            self.judging.scores.high,
            truncated=reply.truncated,
        )
        if reply.distributions is None or judgement.verdict == "none":
            return judgement
        p = first_wins(*reply.distributions)
        return replace(judgement, p_a=p if comparison.order == "ab" else 1 - p)


class EveryAnswer:
    """A generative judge without the majority: each vote is a judgement."""

    def __init__(self, judge: GenerativeJudge) -> None:
        self.name = judge.name
        self.shard_size = judge.shard_size
        self.judge = judge.answers


def seed_of(comparisons: Sequence[Comparison]) -> int:
    """Seed from the comparisons: differs from step to step, repeats when a shard is judged again."""
    return zlib.crc32(repr([(c.pair_id, c.order) for c in comparisons]).encode())

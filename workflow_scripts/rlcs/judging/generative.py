"""The generative judge: it asks a backend, and reads an analysis and two scores from each reply."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

from rlcs.answer_formats import STRICT, AnswerFormat, describe_format
from rlcs.config.judging import JudgingConfig
from rlcs.config.prompts import Messages
from rlcs.judging.backends import Backend, Reply
from rlcs.judging.first_replies import TRIAL, FirstReplies
from rlcs.judging.soft_verdict import first_wins
from rlcs.records import Comparison, Judgement, Reads
from rlcs.verdict import by_majority, read_judgement, read_scores


class GenerativeJudge:
    """A GenRM, or any language model that is prompted as one.

    Args:
        backend: answers the prompts. With a single vote it may read p(a beats b) from the score tokens; with
            several, p is the votes' share.
        votes: replies per comparison, which ``count_votes`` combines into one judgement.
        answer: format of the replies (``answer_formats``).
        max_unread_share: largest share of the first replies that may be unread (``FirstReplies``); None: any.
    """

    reads: Reads = "pair"

    def __init__(
        self,
        name: str,
        backend: Backend,
        judging: JudgingConfig,
        votes: int = 1,
        *,
        answer: AnswerFormat = STRICT,
        max_unread_share: float | None = None,
    ) -> None:
        self.name = name
        self.backend = backend
        self.judging = judging
        self.votes = votes
        self.answer = answer
        expected = describe_format(answer, self.reads)
        self._first = None if max_unread_share is None else FirstReplies(name, expected, max_unread_share)

    @property
    def shard_size(self) -> int | None:
        return self.backend.shard_size

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Judgements in the given order; ``none`` if there is no reply or it cannot be read.

        Raises:
            InputError: an endpoint leaves too many questions unanswered (``EndpointBackend.answer``), or too
                many of the first replies cannot be read (``FirstReplies``).
        """
        return by_majority(self.answers(comparisons), self.votes)

    def answers(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Every vote as a judgement of its own, those of a comparison adjacent; raises as ``judge``."""
        prompts = [self.judging.prompt(comparison) for comparison in comparisons]
        replies = self._replies(prompts, seed_of(comparisons))
        repeated = [comparison for comparison in comparisons for _ in range(self.votes)]
        return [self._read(c, reply) for c, reply in zip(repeated, replies, strict=True)]

    def _replies(self, prompts: Sequence[Messages], seed: int) -> list[Reply | None]:
        """Ask the backend and check the first replies; an endpoint is asked for a few before all others."""
        if self._first is not None and self.backend.shard_size is None and len(prompts) > TRIAL:
            trial = self.backend.answer(prompts[:TRIAL], self.votes, seed)  # stored, so not paid for twice
            self._check_first(trial)
        replies = self.backend.answer(prompts, self.votes, seed)
        self._check_first(replies)
        return replies

    def _check_first(self, replies: Sequence[Reply | None]) -> None:
        if self._first is not None:
            came = [reply for reply in replies if reply is not None]
            self._first.check(came, [not self._is_read(reply) for reply in came])
            self._first = self._first if self._first.is_open else None

    def _is_read(self, reply: Reply) -> bool:
        low, high = self.judging.scores.low, self.judging.scores.high
        said = None if reply.truncated else read_scores(reply.text, low, high, self.answer, self.reads)
        return said is not None

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
            answer=self.answer,
        )
        judgement = replace(judgement, reasoning_tokens=reply.reasoning)
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

"""Judges: whatever answers a batch of comparisons.

One small interface, ``judge(comparisons) -> judgements``, in the order asked. A judge that cannot answer says
``none``; it never guesses.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.judging import JudgingConfig
from rlcs.config.prompts import Messages
from rlcs.judging.judge import BATCHES_PER_SHARD
from rlcs.judging.score_tokens import first_win_probabilities, score_tokens
from rlcs.models.generation import Completion, encode, generate
from rlcs.models.loading import device, load_causal, load_tokenizer
from rlcs.records import Comparison, Judgement
from rlcs.verdict import by_majority, read_judgement


class GenerativeJudge:
    """A GenRM: it writes an analysis and two scores.

    Args:
        votes: answers to each comparison, which ``count_votes`` makes one judgement of.
        temperature: at which answers are drawn; 0 is greedy.
        soft: whether its judgements say p(a beats b): the votes' share, or from the score tokens of a single
            answer, at one more forward pass.

    Raises:
        ValueError: ``soft`` with a single answer, and the scores are no single tokens.
    """

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        judging: JudgingConfig,
        *,
        soft: bool = False,
        votes: int = 1,
        temperature: float = 0.0,
    ) -> None:
        self.name = name
        self.model = model.to(device())
        self.tokenizer = tokenizer
        self.judging = judging
        self.votes = votes
        self.temperature = temperature
        self.shard_size = BATCHES_PER_SHARD * judging.batch_size
        by_tokens = soft and votes == 1  # several votes have a probability of their own
        self.tokens = score_tokens(tokenizer, judging.scores.low, judging.scores.high) if by_tokens else None

    @classmethod
    def load(
        cls,
        name: str,
        folder: Path | str,
        judging: JudgingConfig,
        *,
        soft: bool = False,
        votes: int = 1,
        temperature: float = 0.0,
    ) -> GenerativeJudge:
        return cls(
            name,
            load_causal(folder),
            load_tokenizer(folder),
            judging,
            soft=soft,
            votes=votes,
            temperature=temperature,
        )

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        asked = [c for c in comparisons for _ in range(self.votes)]
        prompts = [self.judging.prompt(c) for c in asked]
        with torch.random.fork_rng():  # a training that asks goes on with its own draws
            completions = generate(
                self.model,
                self.tokenizer,
                prompts,
                max_new_tokens=self.judging.max_new_tokens,
                batch_size=self.judging.batch_size,
                temperature=self.temperature,
                seed=_seed_of(comparisons),
            )
        scores = self.judging.scores
        judgements = [
            read_judgement(
                c,
                self.name,
                completion.text,
                completion.tokens,
                scores.low,
                scores.high,
                truncated=completion.truncated,
            )
            for c, completion in zip(asked, completions, strict=True)
        ]
        if self.tokens is not None:
            judgements = self._with_probabilities(judgements, prompts, completions)
        return by_majority(judgements, self.votes)

    def _with_probabilities(
        self,
        judgements: Sequence[Judgement],
        prompts: Sequence[Messages],
        completions: Sequence[Completion],
    ) -> list[Judgement]:
        """The judgements that were read, with p(a beats b)."""
        assert self.tokens is not None
        read = [i for i, judgement in enumerate(judgements) if judgement.verdict != "none"]
        probabilities = first_win_probabilities(
            self.model,
            self.tokenizer,
            encode(self.tokenizer, [prompts[i] for i in read]),
            [completions[i].ids for i in read],
            self.tokens,
            batch_size=self.judging.batch_size,
        )
        found = list(judgements)
        for i, p in zip(read, probabilities, strict=True):
            if p is not None:
                found[i] = replace(found[i], p_a=p if found[i].order == "ab" else 1 - p)
        return found


def _seed_of(comparisons: Sequence[Comparison]) -> int:
    """By what is asked: other draws at every step of a training, the same for a shard asked again."""
    return zlib.crc32(repr([(c.pair_id, c.order) for c in comparisons]).encode())

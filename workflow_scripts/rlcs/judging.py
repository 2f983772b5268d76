"""Judges: whatever answers a batch of comparisons.

One small interface, ``judge(comparisons) -> judgements``, in the order asked. A judge that cannot answer says
``none``; it never guesses.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.judge_entries import Judging
from rlcs.models import (
    Completion,
    batches,
    device,
    encode,
    fits,
    generate,
    load_causal,
    load_scalar,
    load_tokenizer,
)
from rlcs.prompts import Messages, assistant, policy_prompt
from rlcs.records import Comparison, Judgement
from rlcs.score_tokens import first_win_probabilities, score_tokens
from rlcs.verdict import by_majority, compare, read_judgement

BATCHES_PER_SHARD = 4  # sorting by length inside of a shard saves padding


class Judge(Protocol):
    name: str

    @property
    def shard_size(self) -> int | None:
        """Comparisons whose judgements a stage keeps together as it goes on; None where a killed stage loses
        nothing that took long."""

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]: ...


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
        judging: Judging,
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
        judging: Judging,
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
                cut_off=completion.cut_off,
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


class ScalarJudge:
    """A Bradley-Terry reward model: P(a beats b) = sigmoid(r_a - r_b), whatever the order."""

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        policy_template: str,
        batch_size: int,
    ) -> None:
        self.name = name
        self.model = model.to(device()).eval()
        self.tokenizer = tokenizer
        self.policy_template = policy_template
        self.batch_size = batch_size
        self.shard_size = BATCHES_PER_SHARD * batch_size

    @classmethod
    def load(cls, name: str, folder: Path | str, policy_template: str, batch_size: int) -> ScalarJudge:
        return cls(name, load_scalar(folder), load_tokenizer(folder), policy_template, batch_size)

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        rewards = self._rewards(comparisons)
        judgements = []
        for c in comparisons:
            score_a = rewards[c.context.context_id, c.story_a]
            score_b = rewards[c.context.context_id, c.story_b]
            if score_a is None or score_b is None:
                judgements.append(Judgement(c.pair_id, c.order, self.name, "none"))
                continue
            judgements.append(
                Judgement(
                    pair_id=c.pair_id,
                    order=c.order,
                    judge=self.name,
                    verdict=compare(score_a, score_b),
                    score_a=score_a,
                    score_b=score_b,
                    p_a=torch.tensor(score_a - score_b, dtype=torch.float64).sigmoid().item(),
                )
            )
        return judgements

    @torch.inference_mode()
    def _rewards(self, comparisons: Sequence[Comparison]) -> dict[tuple[str, str], float | None]:
        """Each story is scored once, however many comparisons it is in; None where it does not fit."""
        conversations: dict[tuple[str, str], Messages] = {}
        for c in comparisons:
            for story in (c.story_a, c.story_b):
                prompt = policy_prompt(self.policy_template, c.context)
                conversations[c.context.context_id, story] = prompt + assistant(story)
        tokens = [self.tokenizer.apply_chat_template(m, return_dict=False) for m in conversations.values()]
        keys = list(conversations)
        fitting = [i for i, ids in enumerate(tokens) if fits(self.model, len(ids))]
        rewards: dict[tuple[str, str], float | None] = dict.fromkeys(keys)
        for places in batches([len(tokens[i]) for i in fitting], self.batch_size):
            indices = [fitting[place] for place in places]
            encoded = self.tokenizer.pad({"input_ids": [tokens[i] for i in indices]}, return_tensors="pt")
            logits = self.model(**encoded.to(self.model.device)).logits[:, 0].double()
            rewards.update(zip((keys[i] for i in indices), logits.tolist(), strict=True))
        return rewards

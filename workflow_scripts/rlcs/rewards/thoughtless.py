"""Reward functions of a thinking model, which read what it wrote without its thoughts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from statistics import fmean
from typing import Any

from transformers import PreTrainedTokenizerBase

from rlcs.config.prompts import Messages, assistant
from rlcs.models.chat_templates import count_reasoning, markers_of
from rlcs.models.generation import is_truncated
from rlcs.reasoning import split_reasoning


class WithoutReasoning:
    """A reward function with TRL's signature, called with completions without reasoning.

    It logs ``reasoning/tokens``, the mean number of their tokens, and ``reasoning/only``, the share of
    completions that hold nothing else.

    Args:
        limit, stop_tokens: of completions, as in ``generation.is_truncated``.
    """

    def __init__(
        self,
        reward: Callable[..., list[float | None]],
        tokenizer: PreTrainedTokenizerBase,
        limit: int | None,
        stop_tokens: Collection[int],
    ) -> None:
        self.reward = reward
        self.tokenizer = tokenizer
        self.markers = markers_of(tokenizer)
        self.limit = limit
        self.stop_tokens = frozenset(stop_tokens)
        self.__name__ = reward.__name__

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        completion_ids: Sequence[Sequence[int]],
        log_metric: Callable[[str, float], None],
        **others: Any,
    ) -> list[float | None]:
        written = [
            split_reasoning(
                completion[-1]["content"],
                self.markers,
                truncated=is_truncated(ids, self.limit, self.stop_tokens),
            )
            for completion, ids in zip(completions, completion_ids, strict=True)
        ]
        counts = [count_reasoning(self.tokenizer, each.reasoning) or 0 for each in written]
        log_metric("reasoning/tokens", fmean(counts))
        log_metric(
            "reasoning/only",
            fmean(count > 0 and not e.text for count, e in zip(counts, written, strict=True)),
        )
        return self.reward(
            completions=[assistant(each.text) for each in written],
            completion_ids=completion_ids,
            log_metric=log_metric,
            **others,
        )


def without_reasoning(
    rewards: Sequence[Callable[..., list[float | None]]],
    tokenizer: PreTrainedTokenizerBase,
    limit: int | None,
    stop_tokens: Collection[int],
) -> list[Callable[..., list[float | None]]]:
    """The reward functions of a model's training; of a model that does not think, as they are."""
    if markers_of(tokenizer) is None:
        return list(rewards)
    return [WithoutReasoning(reward, tokenizer, limit, stop_tokens) for reward in rewards]

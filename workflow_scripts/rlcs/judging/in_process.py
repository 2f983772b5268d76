"""A backend in the job's own process: transformers generates, its logits give the distributions of scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import Messages
from rlcs.judging.backends import Reply
from rlcs.judging.judge import BATCHES_PER_SHARD
from rlcs.judging.score_tokens import score_tokens, watched_tokens, written_distributions
from rlcs.models.generation import Completion, generate
from rlcs.models.loading import device
from rlcs.verdict import written_scores


class TransformersBackend:
    """A causal language model.

    Args:
        temperature, top_p: sampling of the replies; temperature 0 is greedy.
        scores: range of the scores whose logits are kept as they are written; None keeps none.

    Raises:
        ValueError: a score of the range is not a single token.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_new_tokens: int,
        batch_size: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        scores: ScoresConfig | None = None,
    ) -> None:
        self.model = model.to(device())
        self.tokenizer = tokenizer
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size
        self.temperature = temperature
        self.top_p = top_p
        self.scores = scores
        self.tokens = score_tokens(tokenizer, scores.low, scores.high) if scores else None

    @property
    def shard_size(self) -> int:
        return BATCHES_PER_SHARD * self.batch_size

    def answer(
        self, conversations: Sequence[Messages], samples: int = 1, seed: int = 0
    ) -> list[Reply | None]:
        """Replies as in ``Backend.answer``; an empty, truncated one for a prompt that does not fit."""
        repeated = [conversation for conversation in conversations for _ in range(samples)]
        with torch.random.fork_rng():  # the draws of a training that asks stay as they are
            completions = generate(
                self.model,
                self.tokenizer,
                repeated,
                max_new_tokens=self.max_new_tokens,
                batch_size=self.batch_size,
                temperature=self.temperature,
                top_p=self.top_p,
                seed=seed,
                watched=watched_tokens(self.tokens) if self.tokens else (),
            )
        return [
            Reply(c.text, c.tokens, c.truncated, self._distributions(c), c.reasoning) for c in completions
        ]

    def _distributions(self, completion: Completion) -> list[list[float]] | None:
        """``Reply.distributions`` of a completion."""
        if self.scores is None or self.tokens is None or completion.truncated or completion.logits is None:
            return None
        scores = written_scores(completion.text, self.scores.low, self.scores.high)
        if scores is None:
            return None
        return written_distributions(completion.ids, completion.logits, self.tokens, len(scores))

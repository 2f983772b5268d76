"""Likelihood of the label after a GenRM's own analysis, the reward in place of 0 and 1 (arXiv 2510.15242).

p is read as ``soft_verdict`` reads it for judges: from the distributions over the two score tokens, at
temperature 1, whatever the rollouts are sampled at. The first of them does not depend on the scores that were
drawn, so this reward tells analyses apart, and a verdict's reward tells scores apart. It needs rollouts whose
analyses differ: temperature near 1 without min_p, and no ``top_entropy_quantile`` that leaves the analysis
out. At temperature 3 with min_p the analyses of a group are nearly equal, and so are their rewards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import Messages
from rlcs.judging.score_tokens import first_win_probabilities, score_tokens
from rlcs.models.generation import encode
from rlcs.records import Label, Order


def label_probability(first_wins: float, order: Order, label: Label) -> float:
    """p(label) of p(the story shown first wins); the label is no tie."""
    return first_wins if (label == "a") == (order == "ab") else 1 - first_wins


class LabelLikelihood:
    """p(label) under the model in training, by one forward pass over each prompt and completion.

    Every process passes all of its completions through the weights as they are, in equally many batches, so
    that weights may be sharded. Adapters are part of the model. A step costs one forward pass more.

    Args:
        model: returns the trainer's model, which may replace its own before the first step.

    Raises:
        ValueError: a score of the range is not a single token.
    """

    def __init__(
        self,
        scores: ScoresConfig,
        tokenizer: PreTrainedTokenizerBase,
        model: Callable[[], PreTrainedModel],
        batch_size: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.tokens = score_tokens(tokenizer, scores.low, scores.high)
        self.model = model
        self.batch_size = batch_size

    def __call__(
        self,
        prompts: Sequence[Messages],
        completion_ids: Sequence[Sequence[int]],
        order: Sequence[Order],
        label: Sequence[Label],
        is_read: Sequence[bool],
    ) -> list[float | None]:
        """p(label) of each completion; None if it was not read, or has fewer than two score tokens."""
        model = self.model()
        was_training = model.training
        model.eval()
        known = first_win_probabilities(
            model,
            self.tokenizer,
            encode(self.tokenizer, prompts),
            [ids if read else () for ids, read in zip(completion_ids, is_read, strict=True)],
            self.tokens,
            batch_size=self.batch_size,
        )
        model.train(was_training)
        return [
            None if p is None else label_probability(p, shown, truth)
            for p, shown, truth in zip(known, order, label, strict=True)
        ]

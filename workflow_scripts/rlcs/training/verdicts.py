"""SFT on verdicts: the loss weighs the scores apart from the analysis before them.

Critique-out-loud reward models (arXiv 2408.11791) learn a scalar head on critiques of their own; here the
model's own score line takes the head's place (design choice, docs/method.md, "The GenRM").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from trl import SFTTrainer

from rlcs.config.judging import ScoresConfig
from rlcs.errors import InputError
from rlcs.records import LABELS, Reads
from rlcs.verdict import label_scores, score_line

IGNORED = -100  # of transformers: a position that is no target


def numeric_tokens(tokenizer: PreTrainedTokenizerBase) -> Tensor:
    """Find the tokens that write digits and nothing else but space, (V,) bool."""
    texts: Iterable[str] = (tokenizer.decode([token]).strip() for token in range(len(tokenizer)))
    return torch.tensor([text.isascii() and text.isdigit() for text in texts])


def count_score_tokens(
    tokenizer: PreTrainedTokenizerBase, numeric: Tensor, scores: ScoresConfig, reads: Reads = "pair"
) -> int:
    """Number of the numeric tokens in every target's score line.

    Raises:
        InputError: the tokenizer writes the score lines of the labels with different numbers of them, or with
            none.
    """
    targets = [label_scores(label, scores.low, scores.high) for label in LABELS]
    lines = [score_line(*(target[:1] if reads == "story" else target)) for target in targets]
    written = tokenizer(lines, add_special_tokens=False)["input_ids"]
    counts = {line: int(numeric[tokens].sum()) for line, tokens in zip(lines, written, strict=True)}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        listed = ", ".join(f"{line!r} with {count}" for line, count in counts.items())
        raise InputError(
            f"the tokenizer writes {listed} tokens of digits, so scores cannot be told from the analysis; "
            "choose judging.scores within 0 to 9"
        )
    return counts[lines[0]]


def score_mask(labels: Tensor, numeric: Tensor, count: int) -> Tensor:
    """Mark the last ``count`` numeric tokens of each row.

    Args:
        labels: (B, T) tokens, ``IGNORED`` outside the completion.
        numeric: (V,), bool.

    Returns:
        (B, T), bool.
    """
    is_numeric = numeric[labels.clamp(min=0)] & (labels != IGNORED)
    from_the_end = is_numeric.flip(1).cumsum(1).flip(1)
    return is_numeric & (from_the_end <= count)


def verdict_loss(
    losses: Tensor, scores: Tensor, others: Tensor, analysis_weight: float, score_weight: float
) -> tuple[Tensor, Tensor, Tensor]:
    """L = mean over examples of w_a · mean_t L_t of the analysis + w_s · mean_t L_t of the scores.

    Design choice: means by example, so that a long analysis counts as much as a short one.

    Args:
        losses: (B, T), cross entropy of each token in nats.
        scores, others: (B, T), bool, the scores' tokens and the completion's others.

    Returns:
        The loss, and the means over the examples of its two parts, unweighed.
    """
    analysis, score = (
        ((losses * mask).sum(1) / mask.sum(1).clamp(min=1)).mean() for mask in (others, scores)
    )
    return analysis_weight * analysis + score_weight * score, analysis, score


class VerdictTrainer(SFTTrainer):
    """TRL's SFTTrainer with ``verdict_loss``.

    Args:
        scores: the range of the targets' scores.
        reads: number of stories, and so of scores, in a target.
        analysis_weight, score_weight: of the two parts of the loss.

    Raises:
        InputError: see ``count_score_tokens``.
    """

    def __init__(
        self,
        *args: Any,
        scores: ScoresConfig,
        analysis_weight: float,
        score_weight: float,
        reads: Reads = "pair",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.numeric = numeric_tokens(self.processing_class)
        self.count = count_score_tokens(self.processing_class, self.numeric, scores, reads)
        self.analysis_weight, self.score_weight = analysis_weight, score_weight

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss of a batch, as TRL computes it with its fused head, but for the weights of the tokens."""
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        targets = inputs["labels"][:, 1:]
        scores = score_mask(targets, self.numeric.to(targets.device), self.count)
        others = (targets != IGNORED) & ~scores
        loss, *parts = verdict_loss(
            -outputs.log_probs, scores, others, self.analysis_weight, self.score_weight
        )
        mode = "train" if self.model.training else "eval"
        for name, part in zip(("analysis_loss", "score_loss"), parts, strict=True):
            gathered = self.accelerator.gather_for_metrics(part.detach())
            self._metrics[mode][name].append(gathered.mean().item())
        if num_items_in_batch is not None:  # then the Trainer leaves the mean over micro-batches to the loss
            loss = loss / self.current_gradient_accumulation_steps
        return (loss, outputs) if return_outputs else loss

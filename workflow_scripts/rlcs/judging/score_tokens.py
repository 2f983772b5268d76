"""Confidence of a GenRM in process: ``soft_verdict.first_wins`` from its two score tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.judging.soft_verdict import first_wins
from rlcs.models.generation import batches

ScoreTokens = Mapping[int, Sequence[int]]


def score_tokens(tokenizer: PreTrainedTokenizerBase, low: int, high: int) -> dict[int, list[int]]:
    """The tokens that write each score, with or without a space before it, by score.

    Raises:
        ValueError: a score of the range is not a single token.
    """
    written: dict[int, list[int]] = {score: [] for score in range(low, high + 1)}
    for token in range(len(tokenizer)):
        text = tokenizer.decode([token]).strip()
        if text.isascii() and text.isdigit() and str(int(text)) == text and int(text) in written:
            written[int(text)].append(token)
    if several := [score for score, tokens in written.items() if not tokens]:
        raise ValueError(
            f"scores {several} are no single tokens of this tokenizer, so their probability cannot be read; "
            f"choose judging.scores within 0 to 9, or a hard probability"
        )
    return written


def score_positions(completion: Sequence[int], tokens: ScoreTokens, count: int = 2) -> list[int] | None:
    """Positions of the last ``count`` score tokens of a completion; None if it has fewer."""
    of_scores = {token for of_score in tokens.values() for token in of_score}
    positions = [position for position, token in enumerate(completion) if token in of_scores][-count:]
    return positions if len(positions) == count else None


@torch.no_grad()  # and not inference_mode: a model that is trained may keep what its layers cache
def first_win_probabilities(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    tokens: ScoreTokens,
    *,
    batch_size: int,
) -> list[float | None]:
    """p(first wins) of each completion, by one forward pass over prompt and completion.

    Completions without scores are passed through the model as well: processes that share its weights must
    call it equally often.

    Args:
        prompts, completions: token ids; the completions end in a score line.
        tokens: result of ``score_tokens``.

    Returns:
        One p per completion; None if it has fewer than two scores.
    """
    probabilities: list[float | None] = [None] * len(prompts)
    sequences = [[*prompt, *ids] for prompt, ids in zip(prompts, completions, strict=True)]
    for chosen in batches([len(ids) for ids in sequences], batch_size):
        encoded = tokenizer.pad(
            {"input_ids": [sequences[k] for k in chosen]}, padding_side="left", return_tensors="pt"
        ).to(model.device)
        # the logits before each score, counted from the end: the sequences end together
        from_end = {
            row: [len(completions[k]) - position + 1 for position in positions]
            for row, k in enumerate(chosen)
            if (positions := score_positions(completions[k], tokens)) is not None
        }
        logits = model(
            **encoded,
            position_ids=(encoded["attention_mask"].cumsum(dim=1) - 1).clamp(min=0),
            logits_to_keep=max((first for first, _ in from_end.values()), default=1),
        ).logits
        for row, ends in from_end.items():
            p1, p2 = (_distribution(logits[row, -end], tokens) for end in ends)
            probabilities[chosen[row]] = first_wins(p1, p2)
    return probabilities


def watched_tokens(tokens: ScoreTokens) -> list[int]:
    """The tokens of all scores, score by score."""
    return [token for of_score in tokens.values() for token in of_score]


def written_distributions(
    completion: Sequence[int], logits: torch.Tensor, tokens: ScoreTokens, count: int
) -> list[list[float]] | None:
    """P over the scores at a completion's last ``count`` scores, from the logits that it was written by.

    Args:
        completion: token ids.
        logits: of ``watched_tokens`` at each of its positions, (tokens, watched).

    Returns:
        Distributions (count, scores); None if the completion has fewer scores.
    """
    positions = score_positions(completion, tokens, count)
    if positions is None:
        return None
    columns, watched = {}, watched_tokens(tokens)
    for score, of_score in tokens.items():
        columns[score] = [watched.index(token) for token in of_score]
    return [_distribution(logits[position], columns) for position in positions]


def _distribution(logits: torch.Tensor, tokens: ScoreTokens) -> list[float]:
    """P over the scores alone, from the logits (V,) at one position."""
    of_score = [logits[list(ids)].double().logsumexp(dim=0) for ids in tokens.values()]
    return [float(p) for p in torch.stack(of_score).softmax(dim=0)]

"""How sure a GenRM in process is of its verdict: ``soft_verdict.first_wins`` from its two score tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.judging.soft_verdict import first_wins
from rlcs.models.generation import batches

ScoreTokens = Mapping[int, Sequence[int]]


def score_tokens(tokenizer: PreTrainedTokenizerBase, low: int, high: int) -> dict[int, list[int]]:
    """By score, the tokens that write it, with or without a space before them.

    Raises:
        ValueError: a score of the range is no single token.
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


def score_places(completion: Sequence[int], tokens: ScoreTokens) -> tuple[int, int] | None:
    """Where a completion that ends in a score line writes its two scores; None where it does not."""
    of_score = {token for of_one in tokens.values() for token in of_one}
    places = [place for place, token in enumerate(completion) if token in of_score][-2:]
    return (places[0], places[1]) if len(places) == 2 else None


@torch.inference_mode()
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

    Args:
        prompts, completions: token ids; the completions end in a score line.
        tokens: of ``score_tokens``.

    Returns:
        None where a completion has fewer than two scores.
    """
    found: list[float | None] = [None] * len(prompts)
    places = {
        i: place for i, ids in enumerate(completions) if (place := score_places(ids, tokens)) is not None
    }
    asked = list(places)
    sequences = [[*prompts[i], *completions[i]] for i in asked]
    for chosen in batches([len(ids) for ids in sequences], batch_size):
        encoded = tokenizer.pad(
            {"input_ids": [sequences[k] for k in chosen]}, padding_side="left", return_tensors="pt"
        ).to(model.device)
        # the logits before each score, counted from the end: the sequences end together
        from_end = [[len(completions[asked[k]]) - place + 1 for place in places[asked[k]]] for k in chosen]
        logits = model(
            **encoded,
            position_ids=(encoded["attention_mask"].cumsum(dim=1) - 1).clamp(min=0),
            logits_to_keep=max(first for first, _ in from_end),
        ).logits
        for row, (k, ends) in enumerate(zip(chosen, from_end, strict=True)):
            p1, p2 = (_distribution(logits[row, -end], tokens) for end in ends)
            found[asked[k]] = first_wins(p1, p2)
    return found


def _distribution(logits: torch.Tensor, tokens: ScoreTokens) -> list[float]:
    """P over the scores alone, from the logits (V,) of one place."""
    of_score = [logits[list(ids)].double().logsumexp(dim=0) for ids in tokens.values()]
    return [float(p) for p in torch.stack(of_score).softmax(dim=0)]

"""Entropy-based shaping of advantages: learn most where the model is sure and wrong, or unsure and right.

RLCS (arXiv 2601.07149), DESIGN §7. The weights multiply advantages after the group's normalisation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlcs.entries import Multipliers


def mean_token_entropy(entropies: Tensor, mask: Tensor) -> Tensor:
    """H = Σ_t m_t H_t / Σ_t m_t, in nats.

    Args:
        entropies: (B, T), per token.
        mask: (B, T), 1 or True where the completion has a token.

    Returns:
        (B,), nan for a completion without tokens (its loss is masked as well).
    """
    tokens = mask.to(torch.bool)
    return torch.where(tokens, entropies, 0).sum(dim=1) / tokens.sum(dim=1)


def sampled_entropy(logps: Tensor, mask: Tensor) -> Tensor:
    """H ≈ −mean_t log p(sampled token), in nats: an estimate of ``mean_token_entropy`` that costs nothing.

    It is unbiased for tokens sampled at temperature 1 without top-k or top-p. Shapes as there.
    """
    return mean_token_entropy(-logps, mask)


def median_threshold(entropy: Tensor) -> float:
    """τ = median of H (B,), the mean of the two middle values where their number is even; nan's left out."""
    return torch.nanquantile(entropy.float(), 0.5).item()


def cells(entropy: Tensor, correct: Tensor, threshold: float) -> dict[str, Tensor]:
    """Membership (B,) of samples in the cells of ``Multipliers``; confident = H < τ, so nan is uncertain.

    Raises:
        ValueError: ``correct`` is not boolean or not of the shape of ``entropy``.
    """
    if correct.dtype != torch.bool or correct.shape != entropy.shape:
        raise ValueError(
            f"correct is {correct.dtype} of shape {tuple(correct.shape)}; it must be torch.bool "
            f"of the shape of entropy, {tuple(entropy.shape)}"
        )
    confident = entropy < threshold
    return {
        "confident_wrong": confident & ~correct,
        "uncertain_correct": ~confident & correct,
        "confident_correct": confident & correct,
        "uncertain_wrong": ~confident & ~correct,
    }


def shaping_weights(entropy: Tensor, correct: Tensor, threshold: float, multipliers: Multipliers) -> Tensor:
    """Weights (B,) that multiply the advantages.

    Args:
        entropy: (B,), H of each sample.
        correct: (B,), bool: a GenRM's verdict is the label, a policy's advantage is positive.
        threshold: τ, the median of H over the whole generation batch (all processes).
        multipliers: the weight of each cell.
    """
    weights = torch.zeros_like(entropy)
    for name, members in cells(entropy, correct, threshold).items():
        weights[members] = getattr(multipliers, name)
    return weights


def cell_shares(entropy: Tensor, correct: Tensor, threshold: float) -> dict[str, float]:
    """Share of the samples in each cell, for logging; nan's for an empty batch."""
    return {
        name: members.double().mean().item() for name, members in cells(entropy, correct, threshold).items()
    }

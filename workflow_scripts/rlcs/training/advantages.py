"""Advantages from rewards, other than TRL's group normalisation; groups are contiguous in all tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from rlcs.config.training import MultipliersConfig


def reward_advantages(rewards: Tensor, group_size: int, max_skew: float) -> Tensor:
    """BRPO (Writing-Zero, arXiv 2506.00103): A_i = r_i, with r_i against the group's pivot as the baseline.

    Groups with |Σ r| / G > ``max_skew`` are dropped (all 0), since their pivot was too good or too bad.

    Args:
        rewards: (N,), nan for a story without one; its advantage is 0, and it counts 0 in the sum.
    """
    known = rewards.nan_to_num(nan=0.0)
    skew = known.view(-1, group_size).sum(dim=1).abs() / group_size
    return torch.where((skew <= max_skew).repeat_interleave(group_size), known, 0.0)


def group_advantages(
    rewards: Tensor, group_size: int, scale: Literal["group", "batch", "none"] = "group"
) -> Tensor:
    """GRPO's A_i = (r_i − mean) / (std + 1e-4), as TRL computes it (``scale_rewards``).

    The mean is over the completions of one prompt, or over those of both orders of a pair, which are one
    question asked twice (EIS-GRPO, arXiv 2505.13346; PA-GRPO, arXiv 2603.21016).

    Args:
        group_size: number of completions that share the mean: G, or 2G for both orders.
        rewards: (N,) of all processes, nan for a story without one; it does not count, and its advantage is
            0.
        scale: by the standard deviation of the group, of the whole batch, or not at all.
    """
    groups = rewards.view(-1, group_size)
    centred = groups - groups.nanmean(dim=1, keepdim=True)
    if scale == "group":
        centred = centred / (_nanstd(groups) + 1e-4)
    elif scale == "batch":
        centred = centred / (_nanstd(rewards.view(1, -1)) + 1e-4)
    return centred.view(-1).nan_to_num(nan=0.0)


def _nanstd(rows: Tensor) -> Tensor:
    """Unbiased standard deviation of each row's values that are not nan, (R, 1)."""
    n = (~rows.isnan()).sum(dim=1, keepdim=True)
    squares = (rows - rows.nanmean(dim=1, keepdim=True)).square().nansum(dim=1, keepdim=True)
    return (squares / (n - 1)).sqrt()


def recenter(advantages: Tensor, group_size: int) -> Tensor:
    """Subtract the group's mean over the advantages that are not 0; a story left out stays at 0.

    A story at exactly the group's mean stays at 0 too, which does no harm in groups with ties.

    Args:
        advantages: (N,).
    """
    groups = advantages.view(-1, group_size)
    known = groups != 0
    mean = groups.sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.where(known, groups - mean, 0.0).view(-1)


def mean_token_entropy(entropies: Tensor, mask: Tensor) -> Tensor:
    """H = Σ_t m_t H_t / Σ_t m_t, in nats.

    Args:
        entropies: (B, T), per token.
        mask: (B, T), 1 or True for the completion's tokens.

    Returns:
        (B,), nan for a completion without tokens (its loss is masked as well).
    """
    tokens = mask.to(torch.bool)
    return torch.where(tokens, entropies, 0).sum(dim=1) / tokens.sum(dim=1)


def sampled_entropy(logps: Tensor, mask: Tensor) -> Tensor:
    """H ≈ −mean_t log p(sampled token), in nats: an estimate of ``mean_token_entropy`` that costs nothing.

    It is unbiased for tokens sampled at temperature 1 without top-k or top-p. Shapes as for
    ``mean_token_entropy``.
    """
    return mean_token_entropy(-logps, mask)


def median_threshold(entropy: Tensor) -> float:
    """Threshold τ = median of H (B,) without nan's; the mean of the two middle values of an even number."""
    return torch.nanquantile(entropy.float(), 0.5).item()


def shaping_cells(entropy: Tensor, correct: Tensor, threshold: float) -> dict[str, Tensor]:
    """Membership (B,) of samples in the cells of ``MultipliersConfig``; confident: H < τ; nan is uncertain.

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


def shaping_weights(
    entropy: Tensor, correct: Tensor, threshold: float, multipliers: MultipliersConfig
) -> Tensor:
    """Weights (B,) that multiply the advantages.

    Args:
        entropy: (B,), H of each sample.
        correct: (B,), bool: True if a GenRM's verdict is the label, or a policy's advantage is positive.
        threshold: τ, the median of H over the whole generation batch (all processes).
        multipliers: the weight of each cell.
    """
    weights = torch.zeros_like(entropy)
    for name, members in shaping_cells(entropy, correct, threshold).items():
        weights[members] = getattr(multipliers, name)
    return weights


def cell_shares(entropy: Tensor, correct: Tensor, threshold: float) -> dict[str, float]:
    """Share of the samples in each cell, for logging; nan's for an empty batch."""
    return {
        name: members.double().mean().item()
        for name, members in shaping_cells(entropy, correct, threshold).items()
    }


def continuous_weights(entropy: Tensor, correct: Tensor, strength: float) -> Tensor:
    """Weights w = 1 ± strength · (2 F(H) − 1), + if correct and − if not, without a threshold.

    Design choice: F is the share of the batch with less entropy, ties counted half. So a weight depends on
    the order of the entropies alone and lies in [1 − strength, 1 + strength]. A sample without an entropy
    weighs 1.

    Args:
        entropy, correct: (B,), of the whole generation batch.
    """
    known = ~entropy.isnan()
    less = (entropy < entropy[:, None]).sum(dim=1)
    equal = (entropy == entropy[:, None]).sum(dim=1)
    rank = torch.where(known, (less + equal / 2) / known.sum().clamp(min=1), 0.5)
    return 1 + strength * torch.where(correct, 1.0, -1.0) * (2 * rank - 1)


RAREST = 0.01  # lower bound of a cell's share


def adaptive_multipliers(shares: Mapping[str, float], strength: float) -> MultipliersConfig:
    """Multipliers w_c = f_c^−strength / Σ_k f_k^(1 − strength): the rarer a cell, the more its samples weigh.

    Design choice: the mean weight Σ_c f_c w_c is 1, so that the step size is that of uniform weights.
    Strength 1 gives every cell the same total weight, 0 gives every sample the same weight.

    Args:
        shares: f_c by cell; any non-negative numbers, not all 0.
    """
    total = sum(max(share, RAREST) for share in shares.values())
    f = {cell: max(share, RAREST) / total for cell, share in shares.items()}
    scale = sum(share ** (1 - strength) for share in f.values())
    return MultipliersConfig(**{cell: share**-strength / scale for cell, share in f.items()})


def recent_cell_shares(history: Sequence[Mapping[str, float]], window: int) -> dict[str, float]:
    """Mean shares of the cells over the last ``window`` logged steps; equal shares before the first.

    They are read from the trainer's log, which checkpoints hold, so a resumed training has the same shares.
    """
    names = tuple(MultipliersConfig.model_fields)
    logged = [entry for entry in history if all(f"shaping/{cell}" in entry for cell in names)][-window:]
    if not logged:
        return dict.fromkeys(names, 1 / len(names))
    return {cell: sum(entry[f"shaping/{cell}"] for entry in logged) / len(logged) for cell in names}


def normalize_weights(weights: Tensor, advantages: Tensor) -> Tensor:
    """Scale weights so that Σ |A| w / Σ |A| = 1: the step is as large as that of uniform weights.

    Samples with the advantage 0, those of groups without variance, do not move the step and do not count.

    Args:
        weights, advantages: (B,), of the whole generation batch.

    Returns:
        (B,); the weights as they are if no weighed sample has an advantage.
    """
    size = advantages.abs()
    total = (size * weights).sum()
    return weights * (size.sum() / total) if total > 0 else weights


def overconfidence_weights(logps: Tensor, ref_logps: Tensor, wrong: Tensor, strength: float) -> Tensor:
    """Weights 1 + α · relu(log π − log π_ref) of the tokens of wrong samples, and 1 of all others.

    Only over-confident errors weigh more: tokens of which the model is surer than its reference
    (ACE, arXiv 2602.21420).

    Args:
        logps, ref_logps: (B, T), log probabilities of the sampled tokens.
        wrong: (B,), bool.
        strength: α.

    Returns:
        (B, T), each weight at least 1.
    """
    surplus = (logps - ref_logps).clamp(min=0)
    return torch.where(wrong[:, None], 1 + strength * surplus, 1.0)

"""From rewards to advantages, where it is not TRL's group normalisation; all groups contiguous."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def reward_advantages(rewards: Tensor, group_size: int, max_skew: float) -> Tensor:
    """BRPO (Writing-Zero, arXiv 2506.00103): A_i = r_i, with r_i against the group's pivot as the baseline.

    Groups with |Σ r| / G > ``max_skew`` are dropped (all 0): their pivot was too good or too bad.

    Args:
        rewards: (N,), nan where a story has none; its advantage is 0, and it counts 0 in the sum.
    """
    known = rewards.nan_to_num(nan=0.0)
    skew = known.view(-1, group_size).sum(dim=1).abs() / group_size
    return torch.where((skew <= max_skew).repeat_interleave(group_size), known, 0.0)


def group_advantages(
    rewards: Tensor, group_size: int, scale: Literal["group", "batch", "none"] = "group"
) -> Tensor:
    """GRPO's A_i = (r_i − mean) / (std + 1e-4), as TRL computes it (``scale_rewards``).

    Args:
        rewards: (N,) of all processes, nan where a story has none: it counts nowhere and its advantage is 0.
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


def recentred(advantages: Tensor, group_size: int) -> Tensor:
    """Advantages (N,) less their group's mean, over those that are not 0: a story left out stays at 0.

    A story at exactly the group's mean stays there too, which costs nothing where groups have ties.
    """
    groups = advantages.view(-1, group_size)
    told = groups != 0
    mean = groups.sum(dim=1, keepdim=True) / told.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.where(told, groups - mean, 0.0).view(-1)

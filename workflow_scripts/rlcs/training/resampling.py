"""Resampling: fresh prompts replace groups whose rewards are all equal, which teach nothing.

DAPO's dynamic sampling (arXiv 2503.14476). Design choice: the rounds are limited, since a model that is
right, or wrong, about nearly everything would sample for ever.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def units_without_variance(rewards: Tensor, group_size: int, groups_per_unit: int = 1) -> Tensor:
    """Find units whose groups have each a single reward.

    Args:
        rewards: (N,), groups contiguous.
        group_size: number of completions that share a baseline.
        groups_per_unit: neighbouring groups that stay together, such as the two orders of a pair.

    Returns:
        (N / group_size / groups_per_unit,), bool. A nan is not a reward and differs from nothing.
    """
    groups = rewards.view(-1, groups_per_unit, group_size)
    lowest = torch.where(groups.isnan(), torch.inf, groups).amin(dim=-1)
    highest = torch.where(groups.isnan(), -torch.inf, groups).amax(dim=-1)
    return (highest <= lowest).all(dim=-1)


def rows_of_units(units: Tensor, rows_per_unit: int) -> Tensor:
    """Indices (U * rows_per_unit,) of the rows of units (U,)."""
    return (units[:, None] * rows_per_unit + torch.arange(rows_per_unit, device=units.device)).flatten()


def replace_rows(
    batch: dict[str, Any], fresh: dict[str, Any], rows: Tensor, fresh_rows: Tensor, *, pad_token_id: int
) -> dict[str, Any]:
    """Replace ``rows`` of a batch of rollouts by ``fresh_rows`` of another.

    Both are padded as TRL pads: prompts on the left, tensors of completions on the right. Values of
    dimension 0, which belong to no row, stay those of ``batch``.
    """
    merged = {}
    for name, values in batch.items():
        merged[name] = values
        if values.dim() > 0:
            fill = pad_token_id if name.endswith("_ids") else 0
            old, new = _pad_alike(values, fresh[name], fill, left=name.startswith("prompt"))
            merged[name] = old.index_copy(0, rows, new[fresh_rows])
    return merged


def _pad_alike(old: Tensor, new: Tensor, fill: int, *, left: bool) -> tuple[Tensor, Tensor]:
    if old.dim() < 2:
        return old, new
    width = max(old.size(1), new.size(1))

    def padded(values: Tensor) -> Tensor:
        missing = width - values.size(1)
        return torch.nn.functional.pad(values, (missing, 0) if left else (0, missing), value=fill)

    return padded(old), padded(new)

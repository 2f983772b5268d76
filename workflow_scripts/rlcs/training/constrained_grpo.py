"""Policy GRPO under constraints: overrides groups in which all violate, and counts violators."""

from __future__ import annotations

from typing import Any

import torch

from rlcs.rewards.constrained_reward import ConstrainedReward
from rlcs.training.grpo import ShapedGRPOTrainer


class ConstrainedGRPOTrainer(ShapedGRPOTrainer):
    """Counts violators by their advantages, whatever the mode, and overrides groups in which all violate.

    Logged per step, over all processes: ``constraints/violators``; ``constraints/violators_rewarded``, those
    with an advantage >= 0 outside groups in which all violate, which is 0 under the penalty; and
    ``constraints/all_violating_groups``. A masked story, from which nothing is learned, is no violator here.

    Args:
        constrained: the only reward function; None is ``ShapedGRPOTrainer``.
    """

    def __init__(self, *args: Any, constrained: ConstrainedReward | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.constrained = constrained

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super()._generate_and_score_completions(inputs)
        if self.constrained is None or not self.model.training:
            return batch
        latest, rule = self.constrained.latest, self.constrained.constraints
        violator, all_violating = (
            torch.tensor(flags, device=batch["advantages"].device)
            for flags in (latest.violator, latest.all_violate)
        )
        if rule.mode == "penalty":
            lost = 0.0 if rule.all_violate == "skip" else rule.all_violate_advantage
            batch["advantages"] = override_all_violating(batch["advantages"], violator, all_violating, lost)
        learned = batch["completion_mask"].any(dim=1)
        counts = count_violators(batch["advantages"], violator & learned, all_violating, self.num_generations)
        totals = self.accelerator.gather(counts).view(-1, len(COUNTED)).sum(dim=0)
        for name, count in zip(COUNTED, totals.tolist(), strict=True):
            self._metrics["train"][f"constraints/{name}"].append(float(count))
        return batch


COUNTED = ("violators", "violators_rewarded", "all_violating_groups")


def override_all_violating(
    advantages: torch.Tensor, violator: torch.Tensor, all_violating: torch.Tensor, lost: float
) -> torch.Tensor:
    """Set advantages of groups in which all violate: ``lost`` for violators, 0 for the others.

    Args:
        advantages: (N,), or (N, T) if each token has its own.
        violator, all_violating: (N,), bool.
    """
    shape = (-1, *[1] * (advantages.dim() - 1))
    settled = torch.where(violator, lost, 0.0).view(shape)
    return torch.where(all_violating.view(shape), settled, advantages)


def count_violators(
    advantages: torch.Tensor, violator: torch.Tensor, all_violating: torch.Tensor, group_size: int
) -> torch.Tensor:
    """Count violators, in the order of ``COUNTED``; shapes as above, groups contiguous."""
    signs = advantages if advantages.dim() == 1 else advantages[:, 0]  # all tokens of a story share the sign
    rewarded = violator & ~all_violating & (signs >= 0)
    return torch.stack([violator.sum(), rewarded.sum(), all_violating.sum() // group_size])

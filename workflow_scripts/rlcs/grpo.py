"""TRL's GRPOTrainer with entropy-based reward shaping (RLCS).

TRL has no hook between the advantages and the loss, so two private methods are extended; TRL is pinned and
``tests/test_grpo.py`` holds the contract: ``_calculate_rewards`` returns the rewards of all processes, shape
(N, functions), and ``_generate_and_score_completions`` the local batch with ``advantages``, shape (B,).
"""

from __future__ import annotations

from typing import Any

import torch
from trl import GRPOConfig, GRPOTrainer

from rlcs.entries import Multipliers
from rlcs.shaping import cell_shares, mean_token_entropy, median_threshold, shaping_weights


def assert_whole_groups(args: GRPOConfig) -> None:
    """Groups must not straddle processes: rewards by pivots see a group on one process.

    TRL checks only the global batch.

    Raises:
        ValueError: states the three numbers.
    """
    local = args.per_device_train_batch_size * args.steps_per_generation
    if local % args.num_generations:
        raise ValueError(
            f"per_device_train_batch_size {args.per_device_train_batch_size} x steps_per_generation "
            f"{args.steps_per_generation} = {local} completions per process must be a multiple of "
            f"num_generations {args.num_generations}, or groups straddle processes"
        )


class ShapedGRPOTrainer(GRPOTrainer):
    """Multiplies the advantages by weights for confidence and correctness, after the group normalisation.

    Args:
        multipliers: the weights of the four cells; None leaves the advantages as they are (uniform).
        correct_reward: a completion is correct where its reward is at least this (GenRM: the verdict is the
            label); None: where it beat its group, advantage > 0 (policy).
    """

    def __init__(
        self,
        *args: Any,
        multipliers: Multipliers | None = None,
        correct_reward: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        assert_whole_groups(self.args)
        self.multipliers = multipliers
        self.correct_reward = correct_reward
        self._rewards = torch.empty(0)

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        rewards_per_function = super()._calculate_rewards(*args, **kwargs)
        self._rewards = rewards_per_function.nansum(dim=1)
        return rewards_per_function

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super()._generate_and_score_completions(inputs)
        if self.multipliers is None or not self.model.training:
            return batch
        entropy = self._mean_token_entropy(batch)
        threshold = median_threshold(self.accelerator.gather(entropy))
        correct = self._correct(batch["advantages"])
        weights = shaping_weights(entropy, correct, threshold, self.multipliers)
        batch["advantages"] = batch["advantages"] * weights
        for cell, share in cell_shares(entropy, correct, threshold).items():
            self._metrics["train"][f"shaping/{cell}"].append(share)
        return batch

    def _correct(self, advantages: torch.Tensor) -> torch.Tensor:
        if self.correct_reward is None:
            return advantages > 0
        start = self.accelerator.process_index * len(advantages)
        return self._rewards[start : start + len(advantages)] >= self.correct_reward

    @torch.no_grad()
    def _mean_token_entropy(self, batch: dict[str, Any]) -> torch.Tensor:
        """Exact, by one more forward pass: entropies do not exist yet when completions are scored."""
        _, entropies, _ = self._get_per_token_logps_and_entropies(
            self.model,
            torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
            torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1),
            batch["completion_ids"].size(1),
            batch_size=self.args.per_device_train_batch_size,
            compute_entropy=True,
        )
        return mean_token_entropy(entropies, batch["completion_mask"])

"""TRL's GRPOTrainer with entropy-based reward shaping (RLCS), resampling, and one baseline for two groups.

TRL has no hook between the advantages and the loss, so two private methods are extended; TRL is pinned and
``tests/training/test_grpo.py`` holds the contract: ``_calculate_rewards`` returns the rewards of all
processes, shape (N, functions), and ``_generate_and_score_completions`` the local batch with ``advantages``,
shape (B,).
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from torch.utils.data import Sampler
from trl import GRPOConfig, GRPOTrainer
from trl.trainer.utils import RepeatSampler, add_fused_lm_head

from rlcs.config.training import ShapingConfig
from rlcs.training.advantages import (
    adaptive_multipliers,
    cell_shares,
    continuous_weights,
    group_advantages,
    mean_token_entropy,
    median_threshold,
    normalize_weights,
    overconfidence_weights,
    recent_cell_shares,
    recenter,
    reward_advantages,
    sampled_entropy,
    shaping_weights,
)
from rlcs.training.lora import keep_base
from rlcs.training.resampling import replace_rows, rows_of_units, units_without_variance


def assert_whole_groups(args: GRPOConfig, groups_per_unit: int = 1) -> None:
    """Check that no group, and no unit of neighbouring groups, is split across processes.

    A reward function sees one process. TRL checks only that the global batch has whole groups. If a unit has
    several groups, evaluation batches must hold whole units as well.

    Raises:
        ValueError: a group or a unit is split.
    """
    local = args.per_device_train_batch_size * args.steps_per_generation
    apart = "groups" if groups_per_unit == 1 else "the two orders of a pair"
    if local % (args.num_generations * groups_per_unit):
        times = "" if groups_per_unit == 1 else f"{groups_per_unit} x "
        raise ValueError(
            f"per_device_train_batch_size {args.per_device_train_batch_size} x steps_per_generation "
            f"{args.steps_per_generation} = {local} completions per process must be a multiple of "
            f"{times}num_generations {args.num_generations}, or {apart} are split across processes"
        )
    if groups_per_unit > 1 and args.eval_strategy != "no":
        group_size = args.num_generations_eval or args.num_generations
        if args.per_device_eval_batch_size % (group_size * groups_per_unit):
            raise ValueError(
                f"per_device_eval_batch_size {args.per_device_eval_batch_size} must be a multiple of "
                f"{groups_per_unit} x num_generations_eval {group_size}, or {apart} are split"
            )


def fill_last_batch(prompts: Dataset, args: GRPOConfig) -> Dataset:
    """Repeat the first prompts until the last batch of rollouts is whole.

    TRL leaves out the prompts of a batch that is not whole. In a fixed order these would be the same ones in
    every epoch.
    """
    batch = args.generation_batch_size // args.num_generations
    count = len(prompts)
    return prompts.select([index % count for index in range(count + -count % batch)])


def assert_shaping(args: GRPOConfig, shaping: ShapingConfig) -> None:
    """Refuse shaping that its training cannot feed.

    Raises:
        ValueError: over-confidence without a reference model, or sampled entropies at another temperature
            than 1.
    """
    if shaping.shaping == "overconfident" and args.beta == 0:
        raise ValueError(
            f"shaping: overconfident compares with the reference model, and beta = {args.beta:g} loads none: "
            "set beta above 0"
        )
    weighs_entropy = shaping.shaping not in ("uniform", "overconfident")
    if weighs_entropy and shaping.entropy == "sampled" and args.temperature != 1:
        raise ValueError(
            f"entropy: sampled needs temperature = 1, and it is {args.temperature:g}: tokens sampled at "
            "another one say nothing about the entropy at temperature 1; set entropy: exact"
        )


class ShapedGRPOTrainer(GRPOTrainer):
    """Multiplies the advantages by weights for confidence and correctness, after the group normalisation.

    Args:
        shaping: which weights; None leaves the advantages as they are (uniform).
        correct_reward: a completion is correct if the first reward function gives it at least this (GenRM:
            the verdict is the label); None: if it beat its group, advantage > 0 (policy).
        groups_per_unit: neighbouring prompts of the data set that stay together in training, evaluation and
            resampling, such as the two orders of a pair.
        baseline_groups: neighbouring groups of a unit whose completions share one baseline.
        resample: further rounds of rollouts per batch, for fresh units in place of those without variance.
        max_skew: the advantages are the rewards themselves, without groups that are more skewed (BRPO).
    """

    def __init__(
        self,
        *args: Any,
        shaping: ShapingConfig | None = None,
        correct_reward: float | None = None,
        groups_per_unit: int = 1,
        baseline_groups: int = 1,
        resample: int = 0,
        max_skew: float | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("train_dataset") and not kwargs["args"].shuffle_dataset:
            kwargs["train_dataset"] = fill_last_batch(kwargs["train_dataset"], kwargs["args"])
        super().__init__(*args, **kwargs)
        if isinstance(self.model, PeftModel) and self.args.use_vllm:
            keep_base(self.model)
        assert_whole_groups(self.args, groups_per_unit)
        self.shaping = shaping or ShapingConfig()
        assert_shaping(self.args, self.shaping)
        self.correct_reward = correct_reward
        self.groups_per_unit = groups_per_unit
        self.baseline_groups = baseline_groups
        self.baseline_size = self.num_generations * baseline_groups
        self.resample = resample
        self.max_skew = max_skew
        self._rewards = self._judged = torch.empty(0)  # of all processes: the sum, and the first function's
        self._at_one = False
        if self.temperature != 1:
            self._add_head_at_one()

    def _add_head_at_one(self) -> None:
        """Give the model a second head of TRL's, at temperature 1, that ``_temperature_one`` switches to."""
        model = self.accelerator.unwrap_model(self.model)
        model = model.get_base_model() if hasattr(model, "get_base_model") else model
        sampling = model.forward
        cast = self.args.cast_lm_head_to_fp32
        add_fused_lm_head(model, cast_lm_head_to_fp32=cast, outputs=("log_probs", "entropy"))
        at_one = model.forward

        @functools.wraps(type(model).forward)  # generate checks its arguments against the signature
        def forward(_: Any, *args: Any, **kwargs: Any) -> Any:
            return (at_one if self._at_one else sampling)(*args, **kwargs)

        model.forward = types.MethodType(forward, model)

    @contextmanager
    def _temperature_one(self) -> Iterator[None]:
        """Score tokens at temperature 1 within the block, whatever the rollouts are sampled at."""
        self._at_one = True
        try:
            yield
        finally:
            self._at_one = False

    def _get_per_token_logps_and_entropies(
        self, *args: Any, compute_entropy: bool = False, **kwargs: Any
    ) -> Any:
        """TRL's log probabilities at the sampling temperature, with entropies at temperature 1.

        The entropies choose tokens (top_entropy_quantile), weigh samples and are watched: all of that is
        about how sure the model is, and not about how it is sampled. At another temperature they cost one
        more forward pass without gradients.
        """
        score = super()._get_per_token_logps_and_entropies
        if not compute_entropy or self.temperature == 1:
            return score(*args, compute_entropy=compute_entropy, **kwargs)
        logps, _, aux_loss = score(*args, compute_entropy=False, **kwargs)
        learns_from_entropy = self._entropy_bonus_enabled and torch.is_grad_enabled()
        with torch.set_grad_enabled(learns_from_entropy), self._temperature_one():
            _, entropies, _ = score(*args, compute_entropy=True, **kwargs)
        return logps, entropies, aux_loss

    def _get_eval_sampler(self, eval_dataset: Dataset) -> Sampler[int]:
        if self.groups_per_unit == 1:
            return super()._get_eval_sampler(eval_dataset)
        # TRL shuffles evaluation, which would split the units
        return RepeatSampler(eval_dataset, self.num_generations_eval, shuffle=False)

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        rewards_per_function = super()._calculate_rewards(*args, **kwargs)
        weighted = rewards_per_function * self.reward_weights.to(rewards_per_function.device)
        unknown = rewards_per_function.isnan().all(dim=1)
        self._rewards = weighted.nansum(dim=1).masked_fill(unknown, torch.nan)
        self._judged = rewards_per_function[:, 0]
        return rewards_per_function

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        if not self.model.training:
            return super()._generate_and_score_completions(inputs)
        batch = self._rolled_out(inputs)
        if self.resample:
            batch = self._resampled(batch)
        rewards, judged = batch.pop("rewards"), batch.pop("judged")
        if self.max_skew is not None:
            batch["advantages"] = reward_advantages(rewards, self.num_generations, self.max_skew)
        elif self.baseline_groups > 1:
            batch["advantages"] = self._advantages(rewards)
        if self.shaping.shaping != "uniform":
            batch["advantages"] = self._shaped(batch, rewards, judged)
        return batch

    def _rolled_out(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's batch, with the local ``rewards`` (B,) and those of the first function, ``judged`` (B,)."""
        batch = super()._generate_and_score_completions(inputs)
        for name, values in (("rewards", self._rewards), ("judged", self._judged)):
            batch[name] = self._local(values, len(batch["advantages"]))
        return batch

    def _advantages(self, rewards: torch.Tensor, weights: torch.Tensor | float = 1.0) -> torch.Tensor:
        """Local advantages (B,) of the local rewards (B,), multiplied by weights (N,) of all processes."""
        weighed = self.accelerator.gather(rewards) * weights
        return self._local(group_advantages(weighed, self.baseline_size, self.scale_rewards), len(rewards))

    def _shaped(self, batch: dict[str, Any], rewards: torch.Tensor, judged: torch.Tensor) -> torch.Tensor:
        """Weigh the local advantages (B,) by weights over all processes; (B, T) for overconfident shaping."""
        advantages, gather = batch["advantages"], self.accelerator.gather
        if self.shaping.shaping == "overconfident":
            wrong = ~self._correct(advantages, judged) & (advantages < 0)
            return advantages[:, None] * self._overconfidence(batch, wrong)
        learned = batch["completion_mask"].any(dim=1)  # a masked completion has no tokens and moves nothing
        entropy = gather(self._sample_entropy(batch))
        correct = gather(self._correct(advantages, judged))
        weights = self._weights(entropy, correct)
        if self.shaping.normalize == "mean_weight":
            weights = normalize_weights(weights, gather(advantages * learned))
        if (known := ~entropy.isnan()).any():
            for cell, share in cell_shares(entropy[known], correct[known], median_threshold(entropy)).items():
                self._metrics["train"][f"shaping/{cell}"].append(share)
        if self.shaping.shaping == "entropy_rewards":
            return self._advantages(rewards, weights)
        shaped = advantages * self._local(weights, len(advantages))
        if self.shaping.normalize == "recenter":
            return recenter(shaped * learned, self.baseline_size)
        return shaped

    @torch.no_grad()
    def _overconfidence(self, batch: dict[str, Any], wrong: torch.Tensor) -> torch.Tensor:
        """Weights (B, T) of the local tokens, from TRL's log probabilities of policy and reference."""
        logps = batch.get("old_per_token_logps")
        if logps is None:  # the rollouts are of the weights as they are
            logps, _ = self._score(batch, compute_entropy=False)
        weights = overconfidence_weights(logps, batch["ref_per_token_logps"], wrong, self.shaping.strength)
        tokens = batch["completion_mask"].bool()
        self._metrics["train"]["shaping/token_weight"].append(weights[tokens].mean().item())
        return weights

    def _weights(self, entropy: torch.Tensor, correct: torch.Tensor) -> torch.Tensor:
        if self.shaping.shaping == "continuous":
            return continuous_weights(entropy, correct, self.shaping.strength)
        multipliers = self.shaping.multipliers
        if self.shaping.shaping == "adaptive":
            recent = recent_cell_shares(self.state.log_history, self.shaping.window)
            multipliers = adaptive_multipliers(recent, self.shaping.strength)
        return shaping_weights(entropy, correct, median_threshold(entropy), multipliers)

    def _local(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """Values (count,) of this process among those of all processes (N,)."""
        start = self.accelerator.process_index * count
        return values[start : start + count]

    def _correct(self, advantages: torch.Tensor, judged: torch.Tensor) -> torch.Tensor:
        return advantages > 0 if self.correct_reward is None else judged >= self.correct_reward

    def _resampled(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Replace units without variance by fresh ones, as far as the rounds reach.

        The logged rewards and lengths are means over the rounds. Every process takes part in every round.
        """
        rows_per_unit = self.groups_per_unit * self.num_generations
        rounds = 0
        replaced = torch.zeros(1, device=self.accelerator.device)
        for _ in range(self.resample):
            dead = self._without_variance(batch).nonzero()[:, 0]
            wanted = int(self.accelerator.gather(dead.new_tensor([len(dead)])).max())
            if wanted == 0:
                break
            rounds += 1
            fresh = self._rolled_out(self._draw_units(wanted))
            alive = (~self._without_variance(fresh)).nonzero()[: len(dead), 0]
            batch = replace_rows(
                batch,
                fresh,
                rows_of_units(dead[: len(alive)], rows_per_unit),
                rows_of_units(alive, rows_per_unit),
                pad_token_id=self._tokenizer.pad_token_id,
            )
            replaced += len(alive)
        # the loss is divided by the number of tokens over all processes
        batch["num_items_in_batch"] = self.accelerator.gather(batch["completion_mask"].sum()).sum()
        left = self._without_variance(batch).double()
        metrics = self._metrics["train"]
        metrics["resampling/rounds"].append(rounds)
        metrics["resampling/replaced"].append((self.accelerator.gather(replaced) / len(left)).mean().item())
        metrics["resampling/without_variance"].append(self.accelerator.gather(left).mean().item())
        return batch

    def _without_variance(self, batch: dict[str, Any]) -> torch.Tensor:
        baselines_per_unit = self.groups_per_unit // self.baseline_groups
        return units_without_variance(batch["rewards"], self.baseline_size, baselines_per_unit)

    def _draw_units(self, count: int) -> list[dict[str, Any]]:
        """Draw rows of units without replacement, each prompt once per completion.

        Drawn with torch's generator, which checkpoints hold and which differs between processes, so that a
        resumed training draws what one that never stopped draws.
        """
        units = torch.randperm(len(self.train_dataset) // self.groups_per_unit)[:count]
        prompts = rows_of_units(units, self.groups_per_unit).tolist()
        return [self.train_dataset[prompt] for prompt in prompts for _ in range(self.num_generations)]

    @torch.no_grad()
    def _sample_entropy(self, batch: dict[str, Any]) -> torch.Tensor:
        """H of the local samples (B,), by one more forward pass if TRL has not done it yet.

        Entropies do not exist when completions are scored; log probabilities do with vLLM's correction, and
        if the rollouts are older than the step.
        """
        mask = batch["completion_mask"]
        exact = self.shaping.entropy == "exact"
        if not exact:
            for known in ("old_per_token_logps", "sampling_per_token_logps"):
                if known in batch:
                    return sampled_entropy(batch[known], mask)
        with self._temperature_one():
            logps, entropies = self._score(batch, compute_entropy=exact)
        return mean_token_entropy(entropies, mask) if exact else sampled_entropy(logps, mask)

    def _score(self, batch: dict[str, Any], *, compute_entropy: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Log probabilities and entropies of the local completions, (B, T) each, by one forward pass."""
        mask = batch["completion_mask"]
        logps, entropies, _ = super()._get_per_token_logps_and_entropies(
            self.model,
            torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
            torch.cat([batch["prompt_mask"], mask], dim=1),
            batch["completion_ids"].size(1),
            batch_size=self.args.per_device_train_batch_size,
            compute_entropy=compute_entropy,
        )
        return logps, entropies

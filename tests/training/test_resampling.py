"""Groups without variance give way to fresh ones, and a resumed training draws the same ones."""

import math
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig

from rlcs.config.prompts import user
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.options import build_options
from rlcs.training.resampling import replace_rows, rows_of_units, units_without_variance


@pytest.mark.parametrize(
    ("rewards", "groups_per_unit", "expected"),
    [
        ([1, 1, 0, 1], 1, [True, False]),
        ([1, 1, 0, 0], 2, [True]),
        ([1, 1, 0, 1], 2, [False]),
        ([-1, -1, 1, 1, 0, 1, 0, 0], 2, [True, False]),
        ([math.nan, 1, math.nan, math.nan], 1, [True, True]),
    ],
)
def test_units_without_variance(rewards, groups_per_unit, expected):
    assert units_without_variance(torch.tensor(rewards), 2, groups_per_unit).tolist() == expected


def test_a_unit_with_one_baseline_is_alive_if_its_orders_differ():
    rewards = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, math.nan])
    assert units_without_variance(rewards, 2, 2).tolist() == [True, True]
    assert units_without_variance(rewards, 4, 1).tolist() == [False, True]


def test_rows_of_units():
    assert rows_of_units(torch.tensor([2, 0]), 3).tolist() == [6, 7, 8, 0, 1, 2]


def test_rows_are_replaced_and_padded_as_trl_pads():
    batch = {
        "prompt_ids": torch.tensor([[1, 2], [3, 4]]),
        "completion_ids": torch.tensor([[5], [6]]),
        "completion_mask": torch.tensor([[1], [1]]),
        "advantages": torch.tensor([0.0, 0.5]),
        "num_items_in_batch": torch.tensor(2),
    }
    fresh = {
        "prompt_ids": torch.tensor([[7, 8, 9]]),
        "completion_ids": torch.tensor([[5, 6, 7]]),
        "completion_mask": torch.tensor([[1, 1, 0]]),
        "advantages": torch.tensor([0.25]),
        "num_items_in_batch": torch.tensor(3),
    }
    merged = replace_rows(batch, fresh, torch.tensor([0]), torch.tensor([0]), pad_token_id=99)
    assert merged["prompt_ids"].tolist() == [[7, 8, 9], [99, 3, 4]]
    assert merged["completion_ids"].tolist() == [[5, 6, 7], [6, 99, 99]]
    assert merged["completion_mask"].tolist() == [[1, 1, 0], [1, 0, 0]]
    assert merged["advantages"].tolist() == [0.25, 0.5]
    assert merged["num_items_in_batch"] == 2


GROUP, BATCH = 4, 16


def even_where_wanted(completion_ids, wanted, **_):
    """Half of the prompts give every completion the same reward."""
    return [float(ids[0] % 2 == 0) if w else 0.0 for ids, w in zip(completion_ids, wanted, strict=True)]


class Recorder(ShapedGRPOTrainer):
    def _resampled(self, batch):
        self.before = batch["rewards"].clone()
        self.after = super()._resampled(batch)
        return dict(self.after)


@pytest.fixture
def make(model_folder, tmp_path):
    def trainer(kind=Recorder, **more):
        own = {
            "per_device_train_batch_size": BATCH,
            "num_generations": GROUP,
            "max_completion_length": 6,
            "max_steps": 4,
            "save_steps": 2,
            "learning_rate": 1e-2,
            "beta": 0.1,
            "per_device_eval_batch_size": 8,
        }
        shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
        # units of two prompts: teaches nothing, teaches something, ...
        prompts = [
            {"prompt": user(f"Story {n}"), "wanted": n // 2 % 2 == 1, "order": ("ab", "ba")[n % 2]}
            for n in range(16)
        ]
        return kind(
            model=load_causal(model_folder),
            reward_funcs=even_where_wanted,
            args=build_options(
                GRPOConfig,
                {**shared, "shuffle_dataset": False},
                own,
                seed=3,
                output_dir=str(tmp_path),
            ),
            train_dataset=Dataset.from_list(prompts),
            eval_dataset=Dataset.from_list(prompts[:4]),
            processing_class=load_tokenizer(model_folder),
            groups_per_unit=2,
            **more,
        )

    return trainer


def weights(trainer):
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_units_with_variance_take_the_place_of_those_without(make):
    trainer = make(resample=8)
    trainer.train()
    left = units_without_variance(trainer.after["rewards"], GROUP, 2)
    assert units_without_variance(trainer.before, GROUP, 2).any()
    assert not left.any()
    entry = trainer.state.log_history[0]
    assert entry["resampling/without_variance"] == 0
    assert 0 < entry["resampling/replaced"] <= 1
    assert 1 <= entry["resampling/rounds"] <= 8
    assert "frac_reward_zero_std" in entry
    assert trainer.after["num_items_in_batch"] == trainer.after["completion_mask"].sum()
    assert len({len(values) for values in trainer.after.values() if values.dim() > 0}) == 1
    grouped = trainer.after["rewards"].view(-1, GROUP)
    centred = grouped - grouped.mean(dim=1, keepdim=True)
    torch.testing.assert_close(
        trainer.after["advantages"].view(-1, GROUP), centred / (grouped.std(dim=1, keepdim=True) + 1e-4)
    )


def even_in_the_first_order(wanted, order, **_):
    """Groups without variance, in pairs of which every second one has some."""
    return [float(w and shown == "ab") for w, shown in zip(wanted, order, strict=True)]


@pytest.mark.slow
def test_with_one_baseline_for_both_orders_the_unit_is_asked(make):
    trainer = make(resample=8, baseline_groups=2)
    trainer.reward_funcs = [even_in_the_first_order]
    trainer.train()
    units = trainer.after["rewards"].view(-1, 2 * GROUP)
    assert (units.std(dim=1) > 0).all()
    assert units_without_variance(trainer.after["rewards"], GROUP, 2).all()
    assert trainer.state.log_history[0]["resampling/without_variance"] == 0


@pytest.mark.slow
def test_the_cap_leaves_what_it_must_and_says_so(make):
    trainer = make(resample=1)
    trainer.reward_funcs = [lambda completion_ids, **_: [0.0] * len(completion_ids)]
    trainer.train()
    for entry in trainer.state.log_history[:4]:
        assert (entry["resampling/rounds"], entry["resampling/replaced"]) == (1, 0)
        assert entry["resampling/without_variance"] == 1


@pytest.mark.slow
def test_a_resumed_training_draws_the_same_units(make, tmp_path):
    whole = make(resample=2)
    whole.train()
    resumed = make(resample=2)
    resumed.train(resume_from_checkpoint=str(Path(tmp_path) / "checkpoint-2"))
    assert same(weights(whole), weights(resumed))
    keys = [key for key in whole.state.log_history[3] if key.startswith(("resampling", "reward"))]
    assert [whole.state.log_history[3][key] for key in keys] == [
        resumed.state.log_history[3][key] for key in keys
    ]


@pytest.mark.slow
def test_evaluation_keeps_units_whole_and_resamples_nothing(make):
    trainer = make(resample=2)
    order = [row["prompt"][0]["content"] for batch in trainer.get_eval_dataloader() for row in batch]
    assert order == [f"Story {n}" for n in range(4) for _ in range(GROUP)]
    assert not any("resampling" in name for name in trainer.evaluate())

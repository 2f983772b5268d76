"""Truncated stories in policy GRPO: what each choice learns from them, and that all choices count them."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM

import train_policy_grpo
from rlcs.models.generation import is_truncated
from rlcs.records import HISTORY, PAIRS, Context, read_rows, write_contexts, write_rows
from rlcs.rewards.constrained_reward import ConstrainedReward
from rlcs.stages.stage import Stage

pytestmark = pytest.mark.slow

LIMIT, STEPS, SIZE = 6, 2, 16
WHOLE, ALL_CUT = {}, {"generation_kwargs": {"min_new_tokens": LIMIT}}
CHOICES = {
    "kept": {"truncated": "kept"},
    "masked": {"truncated": "masked"},
    "violation": {"truncated": "violation", "constraints": {"mode": "penalty"}},
}


@pytest.fixture
def rollouts(monkeypatch):
    """The token ids that rewards of policies with constraints were shown, and their violators, by step."""
    shown = []
    original = ConstrainedReward.__call__

    def recorded(self, **inputs):
        rewards = original(self, **inputs)
        stops = self.stop_tokens
        cut = [is_truncated(ids, LIMIT, stops) for ids in inputs["completion_ids"]]
        shown.append(SimpleNamespace(cut=cut, violator=self.latest.violator))
        return rewards

    monkeypatch.setattr(ConstrainedReward, "__call__", recorded)
    return shown


@pytest.fixture
def train(model_folder, tmp_path):
    """Trains a policy; returns its metrics by step, and whether its parameters moved."""
    preferences = tmp_path / "preferences"
    preferences.mkdir()
    contexts = [Context(f"c{n}", "quest", "Mira", "", f"mill {n}", (), "train") for n in range(4)]
    write_contexts(preferences / "contexts.parquet", contexts)
    write_rows(preferences / "pairs.parquet", [], PAIRS)
    for folder in (preferences, model_folder.parent):
        (folder / "manifest.json").write_text("{}")

    def run(training, **keys):
        options = {
            "per_device_train_batch_size": SIZE,
            "num_generations": 8,
            "max_completion_length": LIMIT,
            "max_steps": STEPS,
            "learning_rate": 1e-2,
        }
        policy = {"train": "grpo", "base": "small", "reward": {"judge": "length"}, **keys}
        config = {
            "policy": policy | {"training": options | training},
            "training": {
                "bf16": False,
                "use_cpu": True,
                "activation_checkpointing": False,
                "logging_steps": 1,
            },
            "writing": {"template": "$domain | $outline"},
            "judges": [{"name": "length", "judge": {"kind": "length", "prefer": "longer"}}],
        }
        inputs = {"preferences": (preferences / "manifest.json",), "judge": (), "verifier": ()}
        inputs["model"] = (model_folder.parent / "manifest.json",)
        access = {"endpoint": "{}", "answers": str(tmp_path / "answers"), "serving": "{}"}
        script = Path(train_policy_grpo.__file__)
        output = tmp_path / "-".join(map(str, (keys["truncated"], len(training)))) / "manifest.json"
        stage = Stage("train_policy_grpo", script, json.loads(json.dumps(config)), inputs, output, 1, access)
        train_policy_grpo.main(stage)
        logged = [{} for _ in range(STEPS)]
        for row in read_rows(output.parent / "history.parquet", HISTORY):
            logged[row["step"] - 1][row["metric"]] = row["value"]
        before, after = (
            AutoModelForCausalLM.from_pretrained(folder).state_dict()
            for folder in (model_folder, output.parent / "model")
        )
        return logged, any(not torch.equal(before[name], after[name]) for name in before)

    return run


def test_what_a_policy_learns_from_stories_that_were_all_cut(train):
    learned = {}
    for choice, keys in CHOICES.items():
        logged, learned[choice] = train(ALL_CUT, **keys)
        assert [step["completions/clipped_ratio"] for step in logged] == [1.0] * STEPS
    # masked: no token has a loss; violation: nothing tells the stories of a group apart
    assert learned == {"kept": True, "masked": False, "violation": False}


def test_the_share_of_truncated_rollouts_is_logged_whatever_the_choice(train, rollouts):
    shares, moved = {}, {}
    for choice, keys in CHOICES.items():
        logged, moved[choice] = train(WHOLE, **keys)
        shares[choice] = [step["completions/clipped_ratio"] for step in logged]
    assert 0 < shares["kept"][0] < 1
    assert len({of_choice[0] for of_choice in shares.values()}) == 1  # the same rollouts, before they learn
    assert moved == dict.fromkeys(CHOICES, True)
    # one function says so in both: the reward's violators are the trainer's clipped rollouts
    assert [fraction(step.cut) for step in rollouts] == shares["violation"]
    assert all(step.violator == step.cut for step in rollouts)


def fraction(flags):
    return sum(flags) / len(flags)


def test_masked_stories_are_no_violators_in_the_log(train, rollouts):
    kept = {"constraints": {"mode": "none"}}
    logged, _ = train(ALL_CUT, truncated="masked", **kept)
    assert [step["constraints/violators"] for step in logged] == [0] * STEPS
    logged, _ = train(ALL_CUT, truncated="violation", **kept)
    assert [step["constraints/violators"] for step in logged] == [SIZE] * STEPS

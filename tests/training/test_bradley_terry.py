"""The training of a reward model by TRL: what it is watched on, and what its cross-validation counts."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import set_seed

import train_bradley_terry
from rlcs.config.prompts import assistant, user
from rlcs.config.trained_judges import ScalarJudgeConfig
from rlcs.data.artifacts import HISTORY_FILE
from rlcs.data.preferences import write_preferences
from rlcs.models.loading import load_scalar, load_tokenizer
from rlcs.records import Context
from rlcs.stages import stage
from rlcs.training.bradley_terry import RewardTraining

pytestmark = pytest.mark.slow

SHARED = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
STEPS = 4
TRAINING = {"max_steps": STEPS, "save_steps": 1, "per_device_train_batch_size": 4, "learning_rate": 0.02}
WATCHED = {"eval_strategy": "steps", "eval_steps": 2, "per_device_eval_batch_size": 3}
WORDS = ("wolf", "mill", "rope", "ring", "map", "hill", "giant")


def pairs(n, first=0):
    """The preferred story is told of another word each time, and none differs from the other otherwise."""
    return [
        {
            "prompt": user(f"Mara lost the {WORDS[i % 7]}"),
            "chosen": assistant(f"Mara used the {WORDS[i % 5]} at the {WORDS[i % 3]}."),
            "rejected": assistant(f"A {WORDS[(i + 3) % 7]} met Mara at the {WORDS[i % 3]}."),
        }
        for i in range(first, first + n)
    ]


def reward_training(folder, model_folder, n=18, validation=(), **entry):
    this = stage.Stage(
        "bt", Path(stage.__file__), {"training": SHARED}, {}, folder / "bt/manifest.json", 1, {}
    )
    judge = ScalarJudgeConfig(kind="scalar", base="small", **entry)
    return RewardTraining(this, judge, model_folder, pairs(n), [str(i // 2) for i in range(n)], validation)


def margins(model, tokenizer, examples):
    """The reward of the preferred story less that of the other, pair by pair."""

    def reward(example, name):
        ids = tokenizer.apply_chat_template(example["prompt"] + example[name], return_dict=False)
        with torch.no_grad():
            return model.eval()(torch.tensor([ids])).logits.item()

    model.config.pad_token_id = tokenizer.pad_token_id
    return np.array([reward(example, "chosen") - reward(example, "rejected") for example in examples])


def history(folder):
    return pd.read_parquet(folder / "bt" / HISTORY_FILE.name).pivot(
        index="step", columns="metric", values="value"
    )


def published(folder, model_folder, **entry):
    reward_training(folder, model_folder, validation=pairs(9, first=100), **entry).publish()
    return folder


def test_the_script_hands_over_validation_pairs_and_no_ties(model_folder, tmp_path, monkeypatch):
    splits = {"c": "train", "d": "validation", "e": "test"}
    contexts = [Context(name, "story", "", "", "", (), split) for name, split in splits.items()]
    rows = [
        {"pair_id": f"{context}{label}", "context_id": context, "label": label, "source": "human"}
        | {"story_a": f"{context} a", "story_b": f"{context} b", "annotator": None, "cohort": None}
        for context in splits
        for label in ("a", "tie")
    ]
    write_preferences(tmp_path, contexts, rows, [], [])
    handed = {}
    monkeypatch.setattr(
        train_bradley_terry, "RewardTraining", lambda *args: handed.update(args=args) or Mock()
    )
    manifests = {"preferences": tmp_path, "base": model_folder.parent}
    inputs = {name: (folder / "manifest.json",) for name, folder in manifests.items()} | {"consensus": ()}
    config = {"judge": {"kind": "scalar", "base": "small"}, "writing": {"template": "$outline"}}
    script = Path(train_bradley_terry.__file__)
    train_bradley_terry.main(stage.Stage("bt", script, config, inputs, tmp_path / "bt/manifest.json", 1, {}))
    *_, training, groups, validation = handed["args"]
    assert [example["chosen"] for example in training] == [assistant("c a")]
    assert [example["chosen"] for example in validation] == [assistant("d a")]
    assert groups == ["c"]


def test_a_training_is_watched_on_validation_pairs_and_stays_the_same(model_folder, tmp_path):
    plain = published(tmp_path / "plain", model_folder, training=TRAINING)
    watched = published(tmp_path / "watched", model_folder, training=TRAINING | WATCHED)
    seen = history(watched)
    assert seen["eval_accuracy"].dropna().index.tolist() == [2, 4]
    assert seen["eval_loss"].dropna().index.tolist() == [2, 4]
    last = margins(load_scalar(watched / "bt/model"), load_tokenizer(model_folder), pairs(9, first=100))
    assert seen.loc[STEPS, "eval_accuracy"] == pytest.approx((last > 0).mean())
    assert seen.loc[STEPS, "eval_margin"] == pytest.approx(last.mean(), abs=1e-4)
    assert history(plain)["loss"].tolist() == seen["loss"].tolist()
    weights, same = (load_scalar(folder / "bt/model").state_dict() for folder in (plain, watched))
    assert all(torch.equal(weights[name], same[name]) for name in weights)


@pytest.mark.parametrize("lora", [None, {"r": 4}])
def test_the_best_step_on_validation_pairs_can_be_published(lora, model_folder, tmp_path):
    """Here the best is the one with the largest loss, so that it is not the last."""
    options = {"eval_steps": 1, "load_best_model_at_end": True, "greater_is_better": True}
    training = TRAINING | WATCHED | options | {"metric_for_best_model": "eval_loss"}
    folder = published(tmp_path, model_folder, training=training, lora=lora)
    seen = history(folder)
    best = seen["eval_loss"].idxmax()
    assert best < STEPS
    found = margins(load_scalar(folder / "bt/model"), load_tokenizer(model_folder), pairs(9, first=100))
    assert found.mean() == pytest.approx(seen.loc[best, "eval_margin"], abs=1e-4)
    assert found.mean() != pytest.approx(seen.loc[STEPS, "eval_margin"], abs=1e-3)


def test_a_fold_counts_pairs_and_not_batches(model_folder, tmp_path):
    """Folds of ten and eight pairs: in batches of eight, the last two of ten would weigh as much as eight."""
    training = TRAINING | {"max_steps": 1, "learning_rate": 0.0}  # the head stays as it is drawn
    judge = reward_training(tmp_path, model_folder, folds=2, train=["full", "lora"], training=training)
    set_seed(1)
    model = load_scalar(model_folder, new_head=True)
    expected = (margins(model, load_tokenizer(model_folder), pairs(18)) > 0).mean()
    assert 0 < expected < 1
    assert judge.cross_validated("full") == pytest.approx(expected, abs=1e-4)

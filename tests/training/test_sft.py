"""SFT that stops early: what it holds out, and that the best step is published."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trl import SFTTrainer

from rlcs import errors
from rlcs.config.prompts import assistant, user
from rlcs.config.training import AdapterConfig, EarlyStoppingConfig
from rlcs.records import HISTORY, read_rows
from rlcs.stages import stage
from rlcs.stages.manifest import read_manifest
from rlcs.training.sft import split_by_context, train_sft

SHARED = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}


def example(context_id, number=0):
    return {"prompt": user(str(number)), "completion": assistant("rope"), "context_id": context_id}


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=30), st.integers(0, 3))
def test_no_context_is_trained_on_and_held_out(contexts, seed):
    examples = [example(name, place) for place, name in enumerate(contexts)]
    if len(set(contexts)) < 2:
        with pytest.raises(errors.InputError, match="all training pairs have the same one"):
            split_by_context(examples, 0.3, seed)
        return
    context_of = dict(enumerate(contexts))
    places = [
        {int(e["prompt"][0]["content"]) for e in part} for part in split_by_context(examples, 0.3, seed)
    ]
    assert places[0] | places[1] == set(context_of)
    assert not {context_of[i] for i in places[0]} & {context_of[i] for i in places[1]}
    assert all(places)


EXAMPLES = [
    {
        "prompt": user("Mara lost the ring"),
        "completion": assistant("rope" if i % 2 else "wolf"),
        "context_id": str(i // 2),
    }
    for i in range(16)
]


@pytest.mark.slow
def test_it_need_not_wait_for_the_next_look_to_stop_and_goes_on_exactly(model_folder, tmp_path, monkeypatch):
    options = {"training": {**SHARED, "logging_steps": 2}}
    stopping = EarlyStoppingConfig(share=0.25, every=6, patience=3)
    own = {"max_steps": 14, "per_device_train_batch_size": 4, "learning_rate": 1e-2}

    def trained(name):
        output = tmp_path / name / "manifest.json"
        this = stage.Stage("sft", Path(stage.__file__), options, {}, output, 1, {})
        train_sft(this, model_folder, own, AdapterConfig(r=4), EXAMPLES, stopping)
        return read_manifest(output)

    whole = trained("whole")
    steps = []
    step = SFTTrainer.training_step

    def stopped_at_7(trainer, *arguments):
        steps.append(trainer.state.global_step + 1)
        if len(steps) == 7:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(trainer, *arguments)

    monkeypatch.setattr(SFTTrainer, "training_step", stopped_at_7)
    with pytest.raises(SystemExit):
        trained("stopped")
    assert trained("stopped") == whole
    assert steps == list(range(1, 15))  # stopped after step 8, and none is taken twice


@pytest.mark.slow
def test_the_best_step_is_published_and_training_ends_without_progress(model_folder, tmp_path):
    script, output = Path(stage.__file__), tmp_path / "sft" / "manifest.json"
    this = stage.Stage("sft", script, {"training": {**SHARED, "save_steps": 3}}, {}, output, 1, {})
    stopping = EarlyStoppingConfig(share=0.25, every=2, patience=1)
    # so high a rate that the loss soon rises
    own = {"max_steps": 30, "per_device_train_batch_size": 4, "learning_rate": 1.0}
    train_sft(this, model_folder, own, AdapterConfig(r=4), EXAMPLES, stopping)
    losses = {
        row["step"]: row["value"]
        for row in read_rows(tmp_path / "sft" / "history.parquet", HISTORY)
        if row["metric"] == "eval_loss"
    }
    assert sorted(losses)[:2] == [2, 4]
    assert max(losses) < 30
    assert (tmp_path / "sft" / "model" / "model.safetensors").is_file()

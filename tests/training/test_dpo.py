"""DPO of a policy: what it learns, what is left out, and that a killed training ends with the same bytes."""

import os
import signal
from pathlib import Path

import pytest
from safetensors.torch import load_file
from trl import DPOTrainer

from rlcs.config.prompts import assistant, user
from rlcs.config.training import AdapterConfig
from rlcs.records import HISTORY, QUARANTINE, read_rows
from rlcs.stages import stage
from rlcs.stages.manifest import read_manifest
from rlcs.training.dpo import train_dpo

SHARED = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
OPTIONS = {"max_steps": 8, "per_device_train_batch_size": 4, "learning_rate": 5e-3}
EXAMPLES = [
    {"prompt": user(f"Mara lost the ring {n}"), "chosen": assistant("rope"), "rejected": assistant("wolf")}
    for n in range(16)
]


@pytest.fixture
def trained(model_folder, tmp_path):
    """Trains under a name; returns the artifact's folder."""

    def run(name, own=OPTIONS, lora=None, examples=EXAMPLES):
        output = tmp_path / name / "manifest.json"
        this = stage.Stage("dpo", Path(stage.__file__), {"training": SHARED}, {}, output, 1, {})
        train_dpo(this, model_folder, own, lora, examples)
        return output.parent

    return run


def logged(folder, metric):
    rows = read_rows(folder / "history.parquet", HISTORY)
    return [row["value"] for row in rows if row["metric"] == metric]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "lora"),
    [({}, None), ({"precompute_ref_log_probs": True}, None), ({}, AdapterConfig(r=4))],
    ids=["full", "reference beforehand", "lora"],
)
def test_the_preferred_story_gains_on_the_other(trained, model_folder, own, lora):
    folder = trained("dpo", OPTIONS | own, lora)
    assert logged(folder, "loss")[0] == pytest.approx(0.6931, abs=1e-3)  # the model is its own reference
    margins = logged(folder, "rewards/margins")
    assert margins[0] == pytest.approx(0, abs=1e-5)
    assert margins[-1] > 0.05
    before, after = (load_file(path / "model.safetensors") for path in (model_folder, folder / "model"))
    moved = [name for name in before if not before[name].equal(after[name])]
    assert moved if lora else moved == list(before)
    assert (folder / "adapter").exists() == (lora is not None)


@pytest.mark.slow
def test_pairs_that_do_not_fit_are_left_out_and_listed(trained):
    long = {**EXAMPLES[0], "rejected": assistant("wolf " * 50)}
    folder = trained("dpo", OPTIONS | {"max_length": 40, "max_steps": 1}, examples=[*EXAMPLES, long])
    (row,) = read_rows(folder / "left_out.parquet", QUARANTINE)
    assert (row["line"], row["reason"]) == (17, "more than 40 tokens")


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_bytes(trained, monkeypatch):
    whole = read_manifest(trained("whole") / "manifest.json")
    steps = []
    step = DPOTrainer.training_step

    def stopped_at_5(trainer, *arguments):
        steps.append(trainer.state.global_step + 1)
        if len(steps) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(trainer, *arguments)

    monkeypatch.setattr(DPOTrainer, "training_step", stopped_at_5)
    own = OPTIONS | {"save_steps": 1}
    with pytest.raises(SystemExit):
        trained("stopped", own)
    assert read_manifest(trained("stopped", own) / "manifest.json") == whole
    assert steps == list(range(1, 9))

"""Bases that a user brings: copied as they are, from safetensors alone, or refused in one message."""

import json
import pickle
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import forked
from paths import SCRIPTS
from rlcs.models.loading import load_scalar

pytestmark = pytest.mark.slow
SCRIPT = SCRIPTS / "prepare_base.py"


def make(model, tmp_path, **config):
    config = config or {"base": {"kind": "pretrained", "model": str(model)}}
    command = [forked.python(), SCRIPT, "--config", json.dumps(config)]
    return subprocess.run(
        [*command, "--output", tmp_path / "out" / "manifest.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_is_copied_and_its_chat_template_repaired(model_folder, tmp_path):
    done = make(model_folder, tmp_path)
    assert done.returncode == 0, done.stderr
    brought = load_file(model_folder / "model.safetensors")
    copied = load_file(tmp_path / "out" / "model" / "model.safetensors")
    assert all(torch.equal(brought[name], copied[name]) for name in brought)
    template = (tmp_path / "out" / "model" / "chat_template.jinja").read_text()
    assert template.startswith("{#- Special tokens in messages are broken up. -#}")


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


def test_pickled_weights_are_never_opened(model_folder, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(model_folder, folder)
    (folder / "model.safetensors").unlink()
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump(Trap(), file)
    done = make(folder, tmp_path)
    assert done.returncode == 1
    assert "error: cannot load the model" in done.stderr
    assert "safetensors" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "chat_template.jinja", "everything"])
def test_what_cannot_be_a_base_is_said(model_folder, tmp_path, missing):
    folder = tmp_path / "broken"
    if missing != "everything":
        shutil.copytree(model_folder, folder)
        (folder / missing).unlink()
        (folder / "tokenizer_config.json").unlink()
    done = make(folder, tmp_path)
    assert done.returncode == 1
    assert "error: cannot load the model" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_stand_in_for_a_reward_model_has_its_head(reward_model, judging, tmp_path):
    of = {"kind": "reward_model", "model": str(reward_model)}
    done = make(
        reward_model,
        tmp_path,
        base={"kind": "stand_in", "of": of, "steps": 1},
        judging={"template": judging.template},
        writing={"template": "$outline"},
        verifying=[],
    )
    assert done.returncode == 0, done.stderr
    assert load_scalar(tmp_path / "out" / "model").score.out_features == 1

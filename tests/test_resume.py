"""A stage that is killed and started again ends with the bytes of one that was never killed."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from smoke_run import ROOT

from rlcs import config, sections

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]
STEPS = 60
RAW = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
RAW["training"] |= {"max_steps": STEPS, "save_steps": 2}
CONFIG = config.parse(RAW)

# script, section, inputs below results/smoke
STAGES = {
    "sft": ("train_policy_sft.py", sections.train_policy(CONFIG, "sft"), {"base": "bases/small"}),
    "reward model": ("train_bradley_terry.py", sections.train_judge(CONFIG, "bt"), {"base": "bases/small"}),
    "genrm grpo": (
        "train_genrm_grpo.py",
        sections.train_judge(CONFIG, "genrm"),
        {"model": "judges/genrm-sft/seed1"},
    ),
    "policy grpo": (
        "train_policy_grpo.py",
        sections.train_policy(CONFIG, "rlcs-bt"),
        {"model": "policies/sft/seed1", "judge": "judges/bt/seed1"},
    ),
}


def start(stage, workflow, output):
    script, section, inputs = STAGES[stage]
    arguments = ["--config", json.dumps(section), "--seed", "1", "--output", str(output / "manifest.json")]
    if "judge" in inputs:
        arguments += ["--endpoint", "{}", "--answers", str(output)]
    for name, folder in {"preferences": "preferences", **inputs}.items():
        arguments += [f"--{name}", str(workflow.results / folder / "manifest.json")]
    script = workflow.folder / "workflow_scripts" / script
    log = output.with_name(output.name + ".log").open("a")
    return subprocess.Popen([sys.executable, str(script), *arguments], stdout=log, stderr=log)


def checkpoints(output):
    return {path.name for path in output.parent.glob(f"{output.name}.checkpoints/*/checkpoint-*")}


def kill_after_next_checkpoint(process, output, how, rng):
    """At a random moment after a checkpoint that this process wrote; False where it ended before."""
    before = checkpoints(output)
    while checkpoints(output) <= before:
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.15))
    process.send_signal(how)
    return process.wait() != 0


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_training_ends_with_the_same_bytes(stage, workflow, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert start(stage, workflow, whole).wait() == 0, (tmp_path / "whole.log").read_text()
    rng, kills = random.Random(stage), 0
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        if (broken / "manifest.json").exists():
            break
        kills += kill_after_next_checkpoint(start(stage, workflow, broken), broken, how, rng)
        assert not broken.exists() or (broken / "manifest.json").exists(), "a half-written model is visible"
    if not (broken / "manifest.json").exists():
        assert start(stage, workflow, broken).wait() == 0, (tmp_path / "broken.log").read_text()
    assert kills >= 2
    assert (broken / "manifest.json").read_bytes() == (whole / "manifest.json").read_bytes()
    assert not broken.with_name("broken.checkpoints").exists()


def test_checkpoints_of_another_config_are_not_picked_up(workflow, tmp_path):
    output = tmp_path / "artifact"
    process = start("sft", workflow, output)
    assert kill_after_next_checkpoint(process, output, signal.SIGKILL, random.Random(0))
    stale = {path.name for path in output.parent.glob("artifact.checkpoints/*")}
    script, section, inputs = STAGES["sft"]
    changed = json.loads(json.dumps(section))
    changed["policy"]["training"]["learning_rate"] = 1.0e-3
    STAGES["sft, changed"] = (script, changed, inputs)
    assert start("sft, changed", workflow, output).wait() == 0
    fresh = tmp_path / "fresh"
    assert start("sft, changed", workflow, fresh).wait() == 0
    assert stale
    assert (output / "manifest.json").read_bytes() == (fresh / "manifest.json").read_bytes()
    shutil.rmtree(output)

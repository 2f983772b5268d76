"""Killing stages: each is started as the workflow does, killed, and started again until it ends."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

import forked
from paths import ROOT
from rlcs.config import parsing
from rlcs.planning import stage_configs

STEPS = 40
RAW = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
RAW["training"] |= {"max_steps": STEPS, "save_steps": 2}
RAW["judging"]["batch_size"] = 1
RAW["sampling"] |= {"batch_size": 1, "samples": 4}
RAW["policies"]["dpo"] = {"train": "dpo", "from": "sft", "training": {"per_device_train_batch_size": 4}}
CONFIG = parsing.parse(RAW)
HOW = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)


@dataclass(frozen=True)
class Victim:
    """A script, its part of the config, its inputs below the smoke run's results, and further arguments."""

    script: str
    section: dict[str, Any]
    inputs: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ("--seed", "1")

    def start(self, workflow, output):
        command = [forked.python(), str(workflow.folder / "workflow_scripts" / self.script), *self.arguments]
        command += ["--config", json.dumps(self.section), "--output", str(output / "manifest.json")]
        for name, folder in self.inputs.items():
            command += [f"--{name}", str(workflow.results / folder / "manifest.json")]
        with output.with_name(output.name + ".log").open("a") as log:
            return Job(command, log)


class Job(subprocess.Popen[bytes]):
    """A started stage. A signal to the fork server's client, which this is, ends the stage just after it."""

    def __init__(self, command, log):
        self.ended, alive = os.pipe()
        super().__init__(command, stdin=alive, stdout=log, stderr=log)
        os.close(alive)

    def wait(self, timeout=None):
        """The exit code, when no process has the pipe's other end any more."""
        code = super().wait(timeout)
        if self.ended is not None:
            os.read(self.ended, 1)
            os.close(self.ended)
            self.ended = None
        return code


PREFERENCES = {"preferences": "preferences"}
ASKING = ("--seed", "1", "--endpoint", "{}", "--answers", "answers", "--serving", "{}")
VICTIMS = {
    "pre-training": Victim("prepare_base.py", stage_configs.base(CONFIG, "small"), arguments=()),
    "SFT": Victim(
        "train_policy_sft.py",
        stage_configs.train_policy(CONFIG, "sft"),
        PREFERENCES | {"base": "bases/small"},
    ),
    "DPO": Victim(
        "train_policy_dpo.py",
        stage_configs.train_policy(CONFIG, "dpo"),
        PREFERENCES | {"model": "policies/sft/seed1"},
    ),
    "reward model": Victim(
        "train_bradley_terry.py",
        stage_configs.train_judge(CONFIG, "bt"),
        PREFERENCES | {"base": "bases/small"},
    ),
    "GenRM GRPO": Victim(
        "train_genrm_grpo.py",
        stage_configs.train_judge(CONFIG, "genrm"),
        PREFERENCES | {"model": "judges/genrm-sft/seed1", "chains": "chains/teacher"},
        ("--seed", "1", "--serving", "{}"),
    ),
    "policy GRPO": Victim(
        "train_policy_grpo.py",
        stage_configs.train_policy(CONFIG, "rlcs-bt"),
        PREFERENCES | {"model": "policies/sft/seed1", "judge": "judges/bt/seed1"},
        ASKING,
    ),
    "judging": Victim(
        "judge_pairs.py",
        stage_configs.judge(CONFIG, "genrm"),
        PREFERENCES | {"model": "judges/genrm/seed1"},
        (*ASKING, "--split", "train"),
    ),
    "sampling": Victim(
        "sample_stories.py",
        stage_configs.stories(CONFIG, "rlcs-bt"),
        PREFERENCES | {"model": "policies/rlcs-bt/seed1"},
        ASKING,
    ),
}


def teacher_at(server_entry):
    """The victim that asks an endpoint: ``server_entry`` is its entry in the config."""
    raw = json.loads(json.dumps(RAW))
    raw["judges"]["far"] = json.loads(server_entry.model_dump_json())
    parsed = parsing.parse(raw)
    asking = json.dumps(stage_configs.endpoint(parsed, "far"))

    def of(answers):
        return Victim(
            "judge_pairs.py",
            stage_configs.judge(parsed, "far"),
            PREFERENCES,
            (*ASKING, "--endpoint", asking, "--answers", str(answers), "--split", "train"),
        )

    return of


@dataclass
class Tally:
    kills: int = 0
    identical: int = 0
    different: int = 0


def torture(
    victim: Victim,
    workflow,
    folder,
    *,
    kills: int,
    rng: random.Random,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Kill a stage so many times, each at a random moment of its life; compare every run that ended with one
    that was never killed."""
    whole, broken = folder / "whole", folder / "broken"
    started = time.monotonic()
    assert victim.start(workflow, whole).wait() == 0, (folder / "whole.log").read_text()
    lifetime = time.monotonic() - started
    tally = Tally()
    while True:
        process = victim.start(workflow, broken)
        if tally.kills < kills:
            try:
                process.wait(rng.uniform(0, lifetime))
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice(HOW))
        code = process.wait()
        assert not broken.exists() or (broken / "manifest.json").exists(), (
            "a half-written artifact is visible"
        )
        if code == 0:
            same = (broken / "manifest.json").read_bytes() == (whole / "manifest.json").read_bytes()
            tally.identical += same
            tally.different += not same
            if tally.kills >= kills:
                return tally
            shutil.rmtree(broken)
        else:
            assert code in (-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM), (
                folder / "broken.log"
            ).read_text()[-3000:]
            tally.kills += 1
        progress(tally)

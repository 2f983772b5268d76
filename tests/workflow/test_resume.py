"""A stage that is killed and started again ends with the bytes of one that was never killed."""

import json
import random
import signal
import time
from dataclasses import replace

import pytest

from endpoint_server import Server, always, entry, ok
from kills import STEPS, VICTIMS, teacher_at, torture

pytest_plugins = ["endpoint_fixtures"]
pytestmark = pytest.mark.slow
KILLS = 5


@pytest.mark.parametrize("name", VICTIMS)
def test_a_killed_stage_ends_with_the_same_bytes(name, workflow, tmp_path):
    tally = torture(VICTIMS[name], workflow, tmp_path, kills=KILLS, rng=random.Random(name))
    assert (tally.kills, tally.different) == (KILLS, 0)
    assert tally.identical >= 1
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "whole.log", "broken", "broken.log"}


@pytest.mark.usefixtures("planted_key")
def test_a_killed_teacher_ends_with_the_same_bytes(workflow, tmp_path):
    with Server(always(ok(delay=0.03))) as server:
        victim = teacher_at(entry(server, concurrency=2))(tmp_path / "answers")
        tally = torture(victim, workflow, tmp_path, kills=KILLS, rng=random.Random(1))
        assert (tally.kills, tally.different) == (KILLS, 0)
        # what was on its way at a kill may be asked again, nothing else
        assert server.paid.total() - len(server.paid) <= KILLS * 2


@pytest.mark.parametrize("name", ["SFT", "GenRM GRPO", "policy GRPO"])
def test_a_stage_that_is_killed_after_its_last_step_ends_with_the_same_bytes(name, workflow, tmp_path):
    victim = VICTIMS[name]
    last = f"checkpoint-{STEPS}"
    assert stopped(victim, workflow, tmp_path, signal.SIGKILL, lambda: last in checkpoints(tmp_path)) != 0
    ends = [victim.start(workflow, tmp_path / name).wait() for name in ("broken", "whole")]
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in ("broken", "whole")]
    assert ends == [0, 0]
    assert manifests[0] == manifests[1]


def changed(victim, **training):
    """A policy's training with other options."""
    section = json.loads(json.dumps(victim.section))
    section["policy"]["training"] |= training
    return replace(victim, section=section)


def checkpoints(folder):
    return {path.name for path in folder.glob("broken.checkpoints/*/checkpoint-*")}


def stopped(victim, workflow, folder, how, when):
    """The exit code of a stage that is sent a signal when something has happened."""
    process = victim.start(workflow, folder / "broken")
    while not when():
        assert process.poll() is None, (folder / "broken.log").read_text()[-3000:]
        time.sleep(0.01)
    process.send_signal(how)
    return process.wait()


def test_a_warning_saves_at_once(workflow, tmp_path):
    victim = changed(VICTIMS["SFT"], save_steps=1000, max_steps=2000)
    log = tmp_path / "broken.log"
    code = stopped(
        victim, workflow, tmp_path, signal.SIGTERM, lambda: log.exists() and "'loss'" in log.read_text()
    )
    assert code == 128 + signal.SIGTERM
    (saved,) = checkpoints(tmp_path)
    assert 1 <= int(saved.rpartition("-")[2]) < 1000


def test_checkpoints_of_another_config_are_not_picked_up(workflow, tmp_path):
    victim = VICTIMS["SFT"]
    assert stopped(victim, workflow, tmp_path, signal.SIGKILL, lambda: checkpoints(tmp_path)) != 0
    other = changed(victim, learning_rate=1.0e-3)
    assert other.start(workflow, tmp_path / "broken").wait() == 0
    assert other.start(workflow, tmp_path / "fresh").wait() == 0
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in ("broken", "fresh")]
    assert manifests[0] == manifests[1]

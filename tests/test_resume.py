"""A stage that is killed and started again ends with the bytes of one that was never killed."""

import json
import random
import signal
import time
from dataclasses import replace

import pytest
from endpoint_server import Server, always, entry, ok
from kills import VICTIMS, teacher_at, torture

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


def checkpoints(folder):
    return {path.name for path in folder.glob("broken.checkpoints/*/checkpoint-*")}


def killed_after_a_checkpoint(victim, workflow, folder, how):
    """The checkpoints that a training has left."""
    process = victim.start(workflow, folder / "broken")
    while not checkpoints(folder):
        assert process.poll() is None, (folder / "broken.log").read_text()[-3000:]
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait() != 0
    return checkpoints(folder)


def test_a_warning_saves_at_once_and_a_kill_leaves_what_was_saved(workflow, tmp_path):
    victim = VICTIMS["SFT"]
    # saved but once, unless something makes it save
    training = victim.section["policy"]["training"] | {"save_steps": 2, "max_steps": 2000}
    victim = replace(
        victim, section=victim.section | {"policy": victim.section["policy"] | {"training": training}}
    )
    warned = killed_after_a_checkpoint(victim, workflow, tmp_path, signal.SIGTERM)
    newest = max(int(name.rpartition("-")[2]) for name in warned)
    process = victim.start(workflow, tmp_path / "broken")
    while max(int(name.rpartition("-")[2]) for name in checkpoints(tmp_path)) <= newest:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert min(int(name.rpartition("-")[2]) for name in checkpoints(tmp_path)) >= newest


def test_checkpoints_of_another_config_are_not_picked_up(workflow, tmp_path):
    victim = VICTIMS["SFT"]
    assert killed_after_a_checkpoint(victim, workflow, tmp_path, signal.SIGKILL)
    changed = json.loads(json.dumps(victim.section))
    changed["policy"]["training"]["learning_rate"] = 1.0e-3
    other = replace(victim, section=changed)
    assert other.start(workflow, tmp_path / "broken").wait() == 0
    assert other.start(workflow, tmp_path / "fresh").wait() == 0
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in ("broken", "fresh")]
    assert manifests[0] == manifests[1]

"""Unfinished work is listed with its size; only what is old is removed, and only if asked."""

import os
import sys
import time

import pytest

import clean_checkpoints
from rlcs.stages.leftovers import find_leftovers, old_leftovers

DAY = 86400


@pytest.fixture
def results(tmp_path):
    """A run with an old and a new checkpoint, a half-written artifact and a good one."""
    run = tmp_path / "run"
    sizes = {
        "policies/x/seed1.checkpoints/old/checkpoint-5/model.bin": (300, 9),
        "policies/y/seed1.checkpoints/old/shard-0.parquet": (20, 9),
        "policies/y/seed1.checkpoints/new/shard-0.parquet": (10, 0),
        "stories/z/seed1.partial/stories.parquet": (5, 8),
        "policies/y/seed1/model/model.bin": (1000, 9),
    }
    now = time.time()
    for name, (size, days) in sizes.items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (now - days * DAY,) * 2)
    for folder in [path for path in run.rglob("*") if path.is_dir() and "new" not in path.name]:
        os.utime(folder, (now - 9 * DAY,) * 2)
    (run / "link.checkpoints").symlink_to(run / "policies", target_is_directory=True)
    return run


def names(results, found):
    return [leftover.folder.relative_to(results).as_posix() for leftover in found]


OLD = ["policies/x/seed1.checkpoints/old", "policies/y/seed1.checkpoints/old", "stories/z/seed1.partial"]


def test_what_is_left_behind_is_found_and_good_artifacts_are_not(results):
    found = find_leftovers(results)
    assert sorted(names(results, found)) == sorted([*OLD, "policies/y/seed1.checkpoints/new"])
    assert [leftover.size for leftover in found] == sorted((one.size for one in found), reverse=True)
    assert sorted(names(results, old_leftovers(found, 7, time.time()))) == OLD
    assert old_leftovers(found, 30, time.time()) == []


def test_nothing_is_removed_unless_it_is_asked_for(results, monkeypatch, capsys):
    def clean(*arguments):
        monkeypatch.setattr(sys, "argv", ["clean_checkpoints.py", str(results), *arguments])
        clean_checkpoints.main()
        return capsys.readouterr().out

    before = sorted(results.rglob("*"))
    assert "--delete` removes the latter" in clean()
    assert sorted(results.rglob("*")) == before
    assert clean("--delete").count(" removed\n") == 3
    assert names(results, find_leftovers(results)) == ["policies/y/seed1.checkpoints/new"]
    assert not (results / "policies" / "x" / "seed1.checkpoints").exists()
    assert (results / "policies/y/seed1/model/model.bin").exists()

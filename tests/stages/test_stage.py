"""What all scripts share: command line, artifact, and what a failure leaves behind."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from paths import SCRIPTS
from rlcs.errors import InputError, TransientError
from rlcs.stages import retries
from rlcs.stages.manifest import content_id, read_provenance
from rlcs.stages.stage import Stage

SCRIPT = """
import sys

sys.path.insert(0, {scripts!r})
from rlcs.errors import InputError, TransientError
from rlcs.stages.stage import Stage, run_stage


def main(stage):
    with stage.artifact() as folder:
        (folder / "text.txt").write_text(stage.folder("source").name + stage.options["split"])
        if stage.config.get("fails") == "input":
            raise InputError("3 of 4 rows are bad; mend them")
        if stage.config.get("fails") == "bug":
            raise KeyError("a bug")
        if stage.config.get("fails") == "server":
            raise TransientError("the server is gone")
        if stage.config.get("fails") == "device":
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        (folder / "large.bin").write_bytes(b"x" * stage.config.get("size", 1))


if __name__ == "__main__":
    inputs = {{"source": 1, "files": "+", "model": "?"}}
    run_stage(main, __file__, inputs=inputs, options=["split"], seed=True)
"""


@pytest.fixture
def here(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.format(scripts=str(SCRIPTS)))
    for name in ("source", "one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"name": name}))
    return tmp_path


def run(here, *more, config="{}", output="out/manifest.json"):
    command = [sys.executable, here / "script.py", "--config", config, "--source", "source/manifest.json"]
    command += ["--files", "one/manifest.json", "two/manifest.json", "--split", "test", "--seed", "7"]
    return subprocess.run(
        [*command, "--output", output, *more], cwd=here, capture_output=True, text=True, check=False
    )


def test_an_artifact_with_its_manifest(here):
    done = run(here)
    assert done.returncode == 0, done.stderr
    assert (here / "out" / "text.txt").read_text() == "sourcetest"
    made = {path.name for path in (here / "out").iterdir()}
    assert made == {"text.txt", "large.bin", "manifest.json", "provenance.json", "run.json"}
    made_of = read_provenance(here / "out")
    assert (made_of["stage"], made_of["seed"], made_of["config"]) == ("script", 7, {})
    names = {"source": "source", "files.0": "one", "files.1": "two"}
    ids = {name: content_id(here / folder / "manifest.json") for name, folder in names.items()}
    assert made_of["inputs"] == ids


def test_a_stage_whose_artifact_stands_makes_nothing(here):
    assert run(here).returncode == 0
    before = {path.name: path.read_bytes() for path in (here / "out").iterdir()}
    (here / "out" / "manifest.json").unlink()  # as Snakemake does before it runs a job
    again = run(here)
    assert again.returncode == 0
    assert "is up to date" in again.stderr
    assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == before
    for change in (["--config", '{"size": 2}'], ["--seed", "8"], ["--files", "one/manifest.json"]):
        assert "stands" not in run(here, *change).stderr
    (here / "source" / "manifest.json").write_text("other")
    assert "stands" not in run(here).stderr
    shutil.rmtree(here / "out")
    assert "stands" not in run(here).stderr


def test_a_stage_that_was_killed_after_its_artifact_was_published_leaves_nothing_behind(here):
    assert run(here).returncode == 0
    for suffix in ("checkpoints/some-key", "replaced", "partial"):
        (here / f"out.{suffix}").mkdir(parents=True)
    done = run(here)
    assert "is up to date" in done.stderr
    assert [path.name for path in here.glob("out.*")] == []


@pytest.fixture
def small_disk(here):
    """A disk of 256 KiB."""
    disk = here / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_said_and_the_last_artifact_stays(here, small_disk):
    output = "disk/out/manifest.json"
    assert run(here, output=output).returncode == 0
    before = {path.name: path.read_bytes() for path in (small_disk / "out").iterdir()}
    failed = run(here, config='{"size": 1000000}', output=output)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: disk/out cannot be made: No space left on device")
    assert "Free disk space" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert {path.name: path.read_bytes() for path in (small_disk / "out").iterdir()} == before
    assert run(here, config='{"size": 1000}', output=output).returncode == 0


def test_an_unwritable_folder_is_said_and_the_last_artifact_stays(here, small_disk):
    output = "disk/out/manifest.json"
    assert run(here, output=output).returncode == 0
    before = {path.name: path.read_bytes() for path in (small_disk / "out").iterdir()}
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    failed = run(here, config='{"size": 2}', output=output)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: disk/out cannot be made: Read-only file system")
    assert "Traceback" not in failed.stderr
    assert {path.name: path.read_bytes() for path in (small_disk / "out").iterdir()} == before


@pytest.mark.parametrize("fails", ["input", "bug"])
def test_a_stage_that_fails_leaves_what_was_there(here, fails):
    config = json.dumps({"fails": fails})
    assert run(here, config=config).returncode == 1
    assert not (here / "out").exists()

    assert run(here).returncode == 0
    before = {path.name: path.read_bytes() for path in (here / "out").iterdir()}
    assert run(here, config=config).returncode == 1
    assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == before

    assert run(here).returncode == 0  # a half-written folder is no obstacle
    assert not (here / "out.partial").exists()


def test_what_the_user_can_mend_is_one_message(here):
    failed = run(here, config='{"fails": "input"}')
    assert failed.returncode == 1
    assert failed.stderr == "error: 3 of 4 rows are bad; mend them\n"


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        ("input", "error: 3 of 4 rows are bad; mend them\n"),
        ("bug", "error: KeyError: 'a bug'\n"),
        ("server", None),
        ("device", None),
    ],
)
def test_a_failure_that_would_come_again_ends_the_next_attempt_at_once(here, monkeypatch, fails, message):
    output, config = str(here / "out" / "manifest.json"), json.dumps({"fails": fails})
    monkeypatch.setenv(retries.RUN_VARIABLE, "one")
    first = run(here, config=config)
    assert first.returncode == 1
    assert retries.has_failed_for_good(output) == (message is not None)
    (here / "script.py").rename(here / "kept.py")  # the work is not done again
    (here / "script.py").write_text((here / "kept.py").read_text() + "# the same code\n")
    again = run(here, config=config)
    assert again.returncode == 1
    assert again.stderr == (message or first.stderr)
    if message is None:
        return
    assert run(here, config="{}").returncode == 0  # another config is another stage, and ends well
    assert not retries.has_failed_for_good(output)
    run(here, config=config)
    monkeypatch.setenv(retries.RUN_VARIABLE, "two")  # a new run of Snakemake tries it anew
    assert not retries.has_failed_for_good(output)
    assert run(here, config=config).stderr == first.stderr


def test_a_failure_outside_of_a_run_leaves_no_mark(here, monkeypatch):
    monkeypatch.delenv(retries.RUN_VARIABLE, raising=False)
    run(here, config='{"fails": "input"}')
    assert not (here / "out.checkpoints").exists()


class DistBackendError(RuntimeError):
    """As torch names it."""


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (InputError("a bad row"), True),
        (KeyError("x"), True),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("Connection closed by peer"), False),
        (DistBackendError("timed out"), False),
        (TransientError("HTTP 503"), False),
        (MemoryError(), False),
        (TimeoutError(), False),
    ],
)
def test_which_failures_come_again(error, again):
    assert retries.comes_again(error) == again


def test_a_failure_with_a_passing_cause_may_pass():
    error = ValueError("no data")
    error.__cause__ = ConnectionError("no route")
    assert not retries.comes_again(error)


def test_a_bug_is_shown_as_one(here):
    failed = run(here, config='{"fails": "bug"}')
    assert failed.returncode == 1
    assert "Traceback" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unknown", "x"], "unrecognized arguments: --unknown x"),
        (["--seed", "one"], "argument --seed: invalid int value: 'one'"),
        (["--source", "script.py", "b"], "unrecognized arguments: b"),
        (["--files"], "argument --files: expected at least one argument"),
        (["--source", "nowhere.json"], "argument --source: no such file: nowhere.json"),
        (["--config", "{broken"], "argument --config: not JSON"),
        (["--config", "[]"], "argument --config: not a JSON object"),
    ],
)
def test_a_wrong_command_line_says_why(here, arguments, message):
    failed = run(here, *arguments)
    assert failed.returncode == 2
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr


def stage(output, **inputs):
    return Stage("test", Path(__file__), {}, inputs, output, 0, {})


def test_folders_of_inputs(tmp_path):
    one, two = tmp_path / "a" / "manifest.json", tmp_path / "b" / "manifest.json"
    it = stage(tmp_path / "out" / "manifest.json", one=(one,), both=(one, two), none=())
    assert it.folder("one") == one.parent
    assert it.folders("both") == (one.parent, two.parent)
    assert it.folders("none") == ()
    assert it.optional_folder("one") == one.parent
    assert it.optional_folder("none") is None


def test_an_error_of_the_user_is_a_value_error():
    assert issubclass(InputError, ValueError)


def test_a_worker_writes_into_the_folder_of_the_stage_that_started_it(here):
    output = here / "out" / "manifest.json"
    one = Stage("s", here / "script.py", {}, {}, output, 0, {})
    worker = replace(one, worker=True)
    with one.artifact() as folder:
        with worker.artifact() as same:
            assert same == folder
            (same / "model.txt").write_text("weights")
        assert not output.exists()
    assert json.loads(output.read_text())["files"].keys() == {"model.txt"}

"""Mistakes with files, disks and runs: each gives the message that docs/troubleshooting.md has for it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml
from snakemake.exceptions import LockException

from paths import ROOT
from rlcs.config import parsing
from rlcs.config.files import config_files, file_problem
from rlcs.report.console import describe_failure, unwritable
from smoke_run import SMOKE, Workflow

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
TABLE = dict(re.findall(r"^\| ([^|]+?) \| `(.+)` \|$", PAGE.split("## Mistakes with files")[1], re.M))


def problem_of(text):
    """What is said of a config file with this text."""

    def cause(folder, _):
        (folder / "my.yaml").write_text(text)
        return file_problem(folder / "my.yaml").replace(f"{folder}/", "")

    return cause


def missing(folder, _):
    (folder / "configs").mkdir()
    (folder / "configs" / "my.yaml").touch()
    return file_problem(folder / "configs" / "mine.yaml").replace(f"{folder}/", "")


def plain_anchors(_, __):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse({**SMOKE, "anchors": {"steps": 3}})
    return str(error.value)


def full_disk(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rlcs.report.console.os.fsync", full)
    (folder / "logs").mkdir()
    (folder / "logs" / "a.log").touch()
    return describe_failure([folder / "logs" / "a.log"], []).replace(f"{folder}/", "")


def refused_by_slurm(folder, _):
    log = folder / "slurm_logs" / "9.log"
    log.parent.mkdir()
    log.write_text("srun: error: Unable to create step\n")
    return describe_failure([folder / "none.log", log], [])


CAUSES = {
    "a config file that is not there": missing,
    "an anchor that no line above defines": problem_of("run: x\nworld: *nothing\n"),
    "a tab": problem_of("run: x\n\tworld: 1\n"),
    "no YAML": problem_of("run: ["),
    "a list instead of keys": problem_of("- run\n"),
    "a block of anchors under a plain key": plain_anchors,
    "a full disk, if the stage can still speak": lambda *_: os.strerror(28),  # tests/stages/test_stage.py
    "a full disk, if it cannot": full_disk,
    "a job that Slurm refuses": refused_by_slurm,
    "a run that was killed": lambda *_: " ".join(str(LockException()).split()),
}


@pytest.mark.parametrize("mistake", TABLE)
def test_each_mistake_gives_the_message_of_the_page(mistake, tmp_path, monkeypatch):
    assert TABLE[mistake] in CAUSES[mistake](tmp_path, monkeypatch)


def test_every_mistake_is_on_the_page():
    assert TABLE.keys() == CAUSES.keys()


def test_a_block_of_anchors_with_a_free_name_is_allowed(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(yaml.safe_dump({**SMOKE, "x-anchors": {"steps": 3}}))
    assert file_problem(file) is None
    assert parsing.parse(yaml.safe_load(file.read_text())) == parsing.parse(SMOKE)


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["all"], []),
        (["all", "--configfile", "a.yaml", "b.yaml", "-c", "2"], ["a.yaml", "b.yaml"]),
        (["--configfile=a.yaml", "--configfiles", "b.yaml"], ["a.yaml", "b.yaml"]),
        (["--configfile"], []),
    ],
)
def test_config_files_are_read_off_the_command_line(words, files):
    assert [str(file) for file in config_files(words)] == files


@pytest.mark.slow
def test_snakemake_says_it_in_one_line_before_it_reads_a_config(tmp_path):
    workflow = Workflow.of_source(tmp_path / "run")
    done = workflow.snakemake("--dry-run", "all", config="config/smok.yaml")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        "error: config/smok.yaml: no such config file; did you mean config/smoke.yaml?"
    )
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_killed_run_goes_on_after_one_step(tmp_path):
    workflow = Workflow.of_source(tmp_path / "run")
    target = "results/smoke/world/manifest.json"
    command = [sys.executable, "-m", "snakemake", target, "--configfile", "config/smoke.yaml", "--cores", "1"]
    incomplete = workflow.folder / ".snakemake" / "incomplete"
    run = subprocess.Popen(
        command,
        cwd=workflow.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (incomplete.is_dir() and any(incomplete.iterdir())):
        assert run.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert "Directory cannot be locked" in workflow.snakemake(target).stdout
    assert workflow.snakemake("--unlock").returncode == 0
    done = workflow.snakemake(target)
    assert done.returncode == 0, done.stdout
    assert (workflow.folder / target).exists()


@pytest.mark.slow
def test_a_full_disk_is_told(tmp_path):
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system needs root")
    workflow = Workflow.of_source(tmp_path / "run")
    results = workflow.results
    results.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "rlcs-full", str(results)], check=False
    )
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        (results / "filler").write_bytes(b"\0" * shutil.disk_usage(results).free)
        assert unwritable(results).startswith(f"No space left on device: {results}")
        done = workflow.snakemake("results/smoke/world/manifest.json")
    finally:
        subprocess.run(["umount", str(results)], check=True)
    assert done.returncode != 0
    assert "error    disk  No space left on device: results/smoke/logs. Free disk space" in done.stdout
    assert "empty file" not in done.stdout

"""SIGTERM to the Snakemake of a job alone, as Slurm sends it with proctrack/cgroup."""

import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from smoke_run import Workflow

pytestmark = pytest.mark.slow
SFT = "policies/sft/seed1"


@pytest.fixture
def long_run(workflow, tmp_path):
    """A copy of the smoke run, and a config in which the policy's SFT is long and saves at its end alone."""
    shutil.copytree(workflow.folder, tmp_path / "run", symlinks=True)
    run = Workflow(tmp_path / "run")
    training = {"max_steps": 5000, "save_steps": 5000, "logging_steps": 1}
    return run, run.with_config("long", lambda raw: raw["policies"]["sft"].update(training=training))


def test_a_training_saves_before_its_job_ends(long_run):
    run, config = long_run
    log = run.results / "logs" / f"{SFT}.log"
    log.unlink()
    command = [
        sys.executable,
        "-m",
        "snakemake",
        f"results/smoke/{SFT}/manifest.json",
        "--configfile",
        config,
    ]
    command += ["--mode", "remote", "--nolock", "--cores", "1"]  # as in a job
    with (run.folder / "said.txt").open("w") as said:
        job = subprocess.Popen(command, cwd=run.folder, stdout=said, stderr=subprocess.STDOUT)
    try:
        while not (log.exists() and "'loss'" in log.read_text()):
            assert job.poll() is None, (run.folder / "said.txt").read_text()
            time.sleep(0.05)
        job.send_signal(signal.SIGTERM)
        job.wait()
    finally:
        for process in psutil.Process(job.pid).children(recursive=True) if job.poll() is None else ():
            process.kill()
        job.kill()
    (complete,) = run.results.glob(f"{SFT}.checkpoints/*/checkpoint-*/complete")
    assert 0 < int(complete.parent.name.rpartition("-")[2]) < 5000

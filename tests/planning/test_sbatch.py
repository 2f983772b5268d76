"""slurm/bin/sbatch: one sbatch that fails is tried again, and no job is submitted twice."""

import os
import subprocess

import pytest

from paths import ROOT

TIMED_OUT = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
INVALID = "sbatch: error: Batch job submission failed: Invalid account or account/partition combination"
CALL = [
    "sbatch",
    "--parsable",
    "--job-name",
    "RUN",
    "--comment",
    "rule_x_wildcards_a_1",
    '--wrap=echo "it is"',
]


@pytest.fixture
def submit(tmp_path):
    """Call the wrapper where the real sbatch fails some times; ``queued`` is what squeue answers."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def call(*errors, queued="", pauses="0 0 0"):
        said = "".join(f"{number}) echo {error!r} >&2; exit 3 ;;\n" for number, error in enumerate(errors))
        programs = {
            "sbatch": 'n=$(cat calls 2>/dev/null | wc -l)\nprintf "%s\\n" "$*" >> calls\n'
            f"case $n in\n{said}esac\necho 77",
            "squeue": f"printf '%b' {queued!r}",
        }
        for name, text in programs.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / name).chmod(0o755)
        path = os.pathsep.join([str(ROOT / "slurm" / "bin"), str(folder), os.environ["PATH"]])
        environment = os.environ | {"PATH": path, "RLCS_SBATCH_PAUSES": pauses}
        done = subprocess.run(
            CALL, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done, (tmp_path / "calls").read_text().splitlines()

    return call


def test_what_succeeds_is_passed_on(submit):
    done, calls = submit()
    assert (done.returncode, done.stdout) == (0, "77\n")
    assert calls == [" ".join(CALL[1:])]


def test_one_that_fails_is_tried_again(submit):
    done, calls = submit(TIMED_OUT, TIMED_OUT)
    assert (done.returncode, done.stdout, len(calls)) == (0, "77\n", 3)
    assert done.stderr.count("Socket timed out") == 2


def test_one_that_slurm_refuses_is_not(submit):
    done, calls = submit(INVALID)
    assert (done.returncode, len(calls)) == (3, 1)
    assert done.stderr == f"{INVALID}\n"


def test_the_last_failure_is_told(submit):
    done, calls = submit(TIMED_OUT, TIMED_OUT, pauses="0")
    assert (done.returncode, done.stdout, len(calls)) == (3, "", 2)
    assert done.stderr.endswith(f"{TIMED_OUT}\n")


def test_a_job_that_was_taken_all_the_same_is_not_submitted_twice(submit):
    others = "40 rule_x_wildcards_a_10\n41 rule_x_wildcards_a_1\n42 rule_y\n"
    done, calls = submit(TIMED_OUT, queued=others)
    assert (done.returncode, done.stdout, len(calls)) == (0, "41\n", 1)

"""Runs of the workflow on a real Slurm: four equal trainings, of which one is cancelled, one is queued again
by Slurm, and one runs into its time limit; then a training on two nodes. What was recorded is kept for the
tests."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from paths import ROOT
from rlcs.planning import slurm_site
from slurm_cluster import Slurm
from smoke_run import SMOKE, Workflow

STEPS = 400
PATIENCE = 400  # seconds for what takes 40 on a machine that is not busy
SITE = {
    "account": "lab",
    "gpu_partition": "gpu",
    "cpu_partition": "cpu",
    "max_hours": 30,
    "max_gigabytes": 150,
    "qos": "default",
    "gpu_constraint": "a100|h100",
}
# Their configs are equal, so that their weights must be.
WHOLE, REQUEUED, CANCELLED, LATE = POLICIES = ("whole", "requeued", "cancelled", "late")
STOPPED = (REQUEUED, CANCELLED, LATE)
# A training in two processes on the CPU, each on a node of its own.
WIDE, WIDE_STEPS, NODES = "wide", 6, 2


@dataclass(frozen=True)
class Record:
    """``jobs``: Slurm's records by comment, in order of submission, from before anything was done to them;
    ``states``: how each ended; ``restarts``: how often Slurm queued one of them again; ``saved``: the step at
    which a stopped training saved; ``wide``: the record of the training on two nodes."""

    output: str
    jobs: dict
    states: dict
    restarts: dict
    saved: dict
    wrong_site: list
    results: str
    wide: dict

    def write(self, path):
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path):
        return cls(**json.loads(path.read_text()))


def config():
    """The smoke run, cut down to the policies' SFT, which saves only when it is told to stop."""
    raw = json.loads(json.dumps(SMOKE))
    sft = raw["policies"]["sft"]
    sft["training"] |= {"max_steps": STEPS, "save_steps": 10 * STEPS}
    tables = {
        "alignment": {"rows": ["oracle"]},
        "win_rates": {"rows": list(POLICIES), "reference": WHOLE, "judges": ["oracle"]},
    }
    judges = {"oracle": raw["judges"]["oracle"]}
    raw |= {"judges": judges, "policies": dict.fromkeys(POLICIES, sft), "tables": tables}
    return {key: value for key, value in raw.items() if key not in ("consensus", "effects")}


def wide_config():
    """One more policy, with half of the batch in each process."""
    raw = config()
    sft = json.loads(json.dumps(raw["policies"][WHOLE]))
    sft["training"] |= {"max_steps": WIDE_STEPS, "save_steps": WIDE_STEPS}
    return raw | {"policies": raw["policies"] | {WIDE: sft | {"launch": "wide.yaml"}}}


def comment(policy):
    """What the executor calls a policy's training in Slurm's records."""
    return f"rule_train_policy_sft_wildcards_{policy}_1"


def run(folder):
    """Start a Slurm and the workflow on it, stop three of its jobs, and wait for the end."""
    folder.mkdir()
    workflow = Workflow.of_source(folder / "workflow")
    (workflow.folder / "slurm" / "site.yaml").write_text(yaml.safe_dump(SITE))
    (workflow.folder / "small.yaml").write_text(yaml.safe_dump(config()))
    with Slurm(folder / "slurm") as slurm:
        wrong = slurm_site.all_problems(
            SITE | {"gpu_partition": "gpus", "max_hours": 100, "max_gigabytes": 4000}
        )
        log = folder / "snakemake.log"
        with log.open("w") as output, _snakemake(workflow, output) as process:
            try:
                _await_trainings(workflow, process)
                jobs = _by_comment(slurm.jobs())
                number = {policy: jobs[comment(policy)][0]["JobId"] for policy in STOPPED}
                slurm.do("scontrol", "requeue", number[REQUEUED])
                slurm.do("scancel", number[CANCELLED])
                _pause(LATE)  # Slurm looks at time limits twice a minute, and wakes what it ends
                _await(lambda: _ended_now(slurm, number[LATE]), "a time limit of now to be taken")
                saved = {policy: _saved(workflow, policy) for policy in STOPPED}
                process.wait(PATIENCE)
            except Exception as error:
                raise RuntimeError(log.read_text()[-5000:]) from error
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        ended = _by_comment(slurm.jobs())
        wide = _run_wide(workflow, slurm)
    for name, attempts in ended.items():  # what came after
        jobs.setdefault(name, []).extend(attempts[len(jobs.get(name, ())) :])
    states = {name: [job["JobState"] for job in attempts] for name, attempts in ended.items()}
    restarts = {name: sum(int(job["Restarts"]) for job in attempts) for name, attempts in ended.items()}
    return Record(log.read_text(), jobs, states, restarts, saved, wrong, str(workflow.results), wide)


def _run_wide(workflow, slurm):
    """The training on two nodes: a launch file, and the profile's line as docs/scale.md says."""
    launch = yaml.safe_load((ROOT / "config" / "accelerate" / "cpu-2.yaml").read_text())
    launch |= {"num_machines": NODES, "num_processes": NODES}
    (workflow.folder / "wide.yaml").write_text(yaml.safe_dump(launch))
    (workflow.folder / "wide_run.yaml").write_text(yaml.safe_dump(wide_config()))
    profile = workflow.folder / "slurm" / "config.yaml"
    line = re.compile(r"(  train_policy_sft: \?training\(.*)\)")
    text, changed = line.subn(r"\1, several_nodes=True)", profile.read_text())
    assert changed == 1
    profile.write_text(text)
    log = workflow.folder / "wide.log"
    with log.open("w") as output, _snakemake(workflow, output, [WIDE], "wide_run.yaml") as process:
        try:
            process.wait(PATIENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    (job,) = _by_comment(slurm.jobs())[comment(WIDE)]
    assert job["JobState"] == "COMPLETED", log.read_text()[-5000:]
    return job


def _snakemake(workflow, output, policies=POLICIES, config="small.yaml"):
    targets = [
        f"{workflow.results.relative_to(workflow.folder)}/policies/{p}/seed1/manifest.json" for p in policies
    ]
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--profile",
        "slurm",
        *targets,
        "--configfile",
        config,
    ]
    # asks for the jobs' states soon; says what it submits
    command += ["--slurm-init-seconds-before-status-checks", "2", "--verbose"]
    return subprocess.Popen(
        command, cwd=workflow.folder, stdout=output, stderr=output, text=True, start_new_session=True
    )


def _await_trainings(workflow, process):
    """Until all trainings that are to be stopped have begun to train."""
    logs = [workflow.results / "logs" / "policies" / policy / "seed1.log" for policy in STOPPED]

    def begun():
        assert process.poll() is None, "snakemake has ended"
        return all(log.exists() and "'loss'" in log.read_text() for log in logs)

    _await(begun, "trainings")


def _ended_now(slurm, number):
    """Whether Slurm takes it that a job's time is over: not where the controller hears of it a second later.

    A limit that is ahead would come after its warning, which wakes the training: it would end before.
    """
    try:
        slurm.do("scontrol", "update", f"JobId={number}", "EndTime=now")
    except subprocess.CalledProcessError:
        return False
    return True


def _pause(policy):
    """Stop the process of a policy's training where it is."""
    paused = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # a process that has ended meanwhile
            words = file.read_text().split("\0")
            if "workflow_scripts/train_policy_sft.py" in words and f"/{policy}/" in words[-2]:
                os.kill(int(file.parent.name), signal.SIGSTOP)
                paused.append(words)
    assert len(paused) == 1, paused


def _saved(workflow, policy):
    """The step of the only checkpoint."""
    folder = workflow.results / "policies" / policy
    _await(lambda: list(folder.glob("*.checkpoints/*/checkpoint-*/trainer_state.json")), f"{policy} to save")
    (checkpoint,) = folder.glob("*.checkpoints/*/checkpoint-*")
    return int(checkpoint.name.rpartition("-")[2])


def _by_comment(jobs):
    found = {}
    for job in jobs:
        found.setdefault(job["Comment"].strip(), []).append(job)
    return found


def _await(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        time.sleep(0.1)

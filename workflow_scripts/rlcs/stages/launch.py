"""A training in several processes: ``accelerate launch``, on one node or, within a Slurm job, on several.

The stage itself runs once and makes the artifact's folder, manifest and place. What it starts are its
workers: the same script, with the same arguments and ``--worker``, once per process.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from rlcs.errors import InputError, TransientError
from rlcs.stages.children import die_with_parent, free_port
from rlcs.stages.stage import WORKER

log = logging.getLogger("rlcs")

# Seconds that workers have after SIGTERM to end their step and save; Slurm warns as long before the end.
_GRACE = 300


@dataclass(frozen=True)
class Launch:
    """Number of processes and nodes, read from accelerate's own config file."""

    config: Path
    processes: int
    nodes: int

    @classmethod
    def of_file(cls, config: Path) -> Launch:
        """Read ``num_processes``, the processes of all nodes together, and ``num_machines``.

        Raises:
            InputError: the file has no such numbers, or they do not divide.
        """
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
        counts = [settings.get(key) if isinstance(settings, dict) else None for key in _COUNTS]
        processes, nodes = (count if type(count) is int else 0 for count in counts)
        if nodes < 1 or processes < 1 or processes % nodes:
            raise InputError(
                f"{config}: num_processes = {counts[0]} must be a multiple of num_machines = {counts[1]}: "
                "both are whole numbers above 0, the processes those of all machines"
            )
        return cls(config, processes, nodes)

    @property
    def per_node(self) -> int:
        return self.processes // self.nodes


_COUNTS = ("num_processes", "num_machines")


@dataclass(frozen=True)
class Allocation:
    """Nodes of a Slurm job, and CPUs of all of them together."""

    nodes: int
    cpus: int


def allocation(environment: Mapping[str, str]) -> Allocation | None:
    """The allocation of this Slurm job; None outside of Slurm.

    squeue tells it, because Snakemake's executor removes all variables but the job's number.

    Raises:
        InputError: squeue fails.
    """
    if (job := environment.get("SLURM_JOB_ID")) is None:
        return None
    query = ["squeue", "--noheader", "--jobs", job, "--format", "%D %C"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    numbers = answer.stdout.split()
    if answer.returncode or len(numbers) != 2:
        raise TransientError(
            f"{shlex.join(query)} does not say what the job has: {answer.stdout}{answer.stderr}"
        )
    return Allocation(nodes=int(numbers[0]), cpus=int(numbers[1]))


def command(launch: Launch, script: Sequence[str], job: Allocation | None) -> list[str]:
    """The command that starts the workers.

    On several nodes srun starts one launcher on each; the node that this process runs on is the first.

    Args:
        script: the script's path and arguments.
        job: the Slurm job that this process is of.

    Raises:
        InputError: several nodes without a Slurm job that has them.
    """
    start = [sys.executable, "-m", "accelerate.commands.launch"]
    config = ["--config_file", str(launch.config)]
    if launch.nodes == 1:
        return [*start, *config, "--main_process_port", "0", *script]  # 0: any that is free
    if job is None or job.nodes != launch.nodes:
        raise InputError(
            f"{launch.config} has num_machines = {launch.nodes}: several nodes need a Slurm job that has as "
            f"many, and this one {f'has {job.nodes}' if job else 'is none'}"
        )
    on_each = f'exec {shlex.join(start)} --machine_rank "$SLURM_PROCID" "$@"'
    steps = ["--nodes", str(launch.nodes), "--ntasks", str(launch.nodes), "--ntasks-per-node", "1"]
    steps += ["--cpus-per-task", str(job.cpus // job.nodes), "--cpu-bind", "none"]
    address = ["--main_process_ip", socket.gethostname(), "--main_process_port", str(free_port(""))]
    return ["srun", "--kill-on-bad-exit=1", *steps, "bash", "-c", on_each, "bash", *config, *address, *script]


def run_workers(config: Path, script: Sequence[str]) -> None:
    """Start the workers and wait for their end. SIGTERM is passed on to them, and they save.

    Args:
        config: accelerate's config file.
        script: the script's path and arguments.

    Raises:
        InputError: as ``Launch.of_file`` and ``command``.
        SystemExit: a worker failed, or SIGTERM came.
    """
    launch = Launch.of_file(config)
    job = allocation(os.environ) if launch.nodes > 1 else None
    if job:  # as Slurm had it: the run's GPU hours are counted by it
        os.environ["SLURM_JOB_NUM_NODES"] = str(job.nodes)
    line = command(launch, [*script, WORKER], job)
    log.info("starting %d processes: %s", launch.processes, shlex.join(line))
    environment = {**os.environ, "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(_GRACE)}
    workers = subprocess.Popen(line, env=environment, preexec_fn=die_with_parent)
    signals = []

    def hand_on(number: int, _frame: object) -> None:
        signals.append(number)
        workers.send_signal(number)

    previous = signal.signal(signal.SIGTERM, hand_on)
    try:
        code = workers.wait()
    finally:
        signal.signal(signal.SIGTERM, previous)
    if signals:
        raise SystemExit(128 + signals[0])
    if code:
        sys.exit(f"error: the training processes ended with exit code {code}; their messages stand above")

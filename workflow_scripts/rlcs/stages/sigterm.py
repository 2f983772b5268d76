"""SIGTERM on its way from Slurm to a stage, which saves its state.

Slurm warns a job before its time is over. With ``proctrack/cgroup``, its default, a step's own process alone
gets the signal: the Snakemake of the job, which would wait for its stage without a word.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from snakemake.scheduling.job_scheduler import JobScheduler


def hand_on_sigterm() -> None:
    """Have the Snakemake of this process send each SIGTERM that it gets to its stages, too."""
    exit_gracefully = JobScheduler.exit_gracefully

    def hand_on(scheduler: JobScheduler, *signalled: Any) -> None:
        for process in stages():
            process.terminate()
        exit_gracefully(scheduler, *signalled)

    JobScheduler.exit_gracefully = hand_on


def stages() -> Iterator[psutil.Process]:
    """The Pythons below this process, of its shells and containers, that have a handler for SIGTERM.

    Others would end at once, when they may still end well in the time that is left. What a stage has started,
    such as a server that its training needs to come to a checkpoint, is left to the stage.
    """
    below = psutil.Process().children()
    while below:
        process = below.pop()
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            if not process.name().startswith("python"):
                below += process.children()
            elif handles(process.pid, signal.SIGTERM):
                yield process


def handles(process: int, number: int) -> bool:
    """True if a process of Linux has a handler of its own for a signal."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)

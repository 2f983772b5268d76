"""A ``python`` whose processes begin with the large libraries loaded; each pytest worker has a server."""

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path

from rlcs.stages import fork_server

SNAKEMAKES = ("snakemake.cli", "snakemake_executor_plugin_slurm", "pydantic")  # what its start imports


@cache
def python() -> str:
    """The program that starts a script; the plain Python where no server can be."""
    if not fork_server.is_possible():
        return sys.executable
    return str(fork_server.start(*SNAKEMAKES) / fork_server.PROGRAM)


def snakemake(*words: str) -> list[str]:
    """The command of a Snakemake that begins with its libraries loaded."""
    return [python(), str(Path(sysconfig.get_path("scripts")) / "snakemake"), *words]


def environment() -> dict[str, str]:
    """This process's environment, in which Snakemake starts its jobs by that program."""
    return {**os.environ, fork_server.VARIABLE: str(Path(python()).parent)}

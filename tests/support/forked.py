"""A ``python`` whose processes begin with the large libraries loaded; each pytest worker has a server."""

import os
import sys
from functools import cache
from pathlib import Path

from rlcs.stages import fork_server


@cache
def python() -> str:
    """The program that starts a script; the plain Python where no server can be."""
    return str(fork_server.start() / fork_server.PROGRAM) if fork_server.is_possible() else sys.executable


def environment() -> dict[str, str]:
    """This process's environment, in which Snakemake starts its jobs by that program."""
    return {**os.environ, fork_server.VARIABLE: str(Path(python()).parent)}

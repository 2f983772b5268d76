"""Packages of Debian that a test needs and installs, as root on a machine that has apt-get."""

import os
import shutil
import subprocess
from functools import cache

from filelock import FileLock


@cache
def install(*packages):
    """Install packages, at most once in a process; return what became of it, for the reason of a skip."""
    if os.geteuid() != 0:
        return f"only root can install {', '.join(packages)}"
    if not shutil.which("apt-get"):
        return f"there is no apt-get to install {', '.join(packages)}"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with FileLock("/tmp/rlcs-apt.lock"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", "-qq", *command], env=environment, capture_output=True, text=True, check=False
            )
    return f"apt-get ended with {done.returncode}: {done.stderr.strip()[-500:]}"

"""Packages of Debian that a test needs and installs, as root on a machine that has apt-get."""

import os
import shutil
import subprocess

from filelock import FileLock


def install(packages):
    """Install packages that are missing; return why that is not possible, or None."""
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
    return f"apt-get failed: {done.stderr.strip()[-500:]}" if done.returncode else None

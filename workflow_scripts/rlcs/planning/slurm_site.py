"""Checks of the file that a site fills in for the Slurm profile, against its keys and against the cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Leaves the choice to Slurm.
DEFAULT = "default"

# Keys that a site must fill in, and the commands that list their values.
REQUIRED_KEYS = {
    "account": "account to charge; `sacctmgr show associations user=$USER` lists yours",
    "gpu_partition": "partition of jobs with a GPU; `sinfo` lists them",
    "cpu_partition": "partition of the other jobs; `sinfo` lists them",
    "max_hours": "the longest time limit that these partitions allow",
    "max_gigabytes": "the memory of their smallest node",
}
OPTIONAL_KEYS = ("qos", "gpu_constraint", "gpu_gigabytes")
_NUMBERS = ("max_hours", "max_gigabytes", "gpu_gigabytes")

# Snakemake's executor asks for the states of jobs every 180 s at the latest.
_SQUEUE_AGE = 200


def problems(site: Mapping[str, Any]) -> list[str]:
    """One line for each key that is missing, unknown or of the wrong kind."""
    known = (*REQUIRED_KEYS, *OPTIONAL_KEYS)
    lines = [f"{key}: unknown key; known are {', '.join(known)}" for key in site if key not in known]
    for key, meaning in REQUIRED_KEYS.items():
        if site.get(key) is None:
            lines.append(f"{key}: missing: {meaning}; {DEFAULT!r} leaves it to Slurm")
    for key in _NUMBERS:
        value = site.get(key)
        if value not in (None, DEFAULT) and (type(value) is not int or value < 1):
            lines.append(f"{key}: {value!r} must be a whole number above 0")
    return lines


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind in a partition, as ``sinfo --exact --format %R|%l|%G|%m`` names them."""

    partition: str
    hours: float
    gpus: bool
    megabytes: int

    @classmethod
    def of_line(cls, line: str) -> Nodes:
        partition, limit, gres, megabytes = line.split("|")
        return cls(partition, limit_hours(limit), "gpu" in gres, int(megabytes))


def limit_hours(limit: str) -> float:
    """Slurm's ``days-hours:minutes:seconds``, from the right, or ``infinite``, in hours."""
    if limit == "infinite":
        return float("inf")
    days, _, clock = limit.rpartition("-")
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return int(days or 0) * 24 + seconds / 3600


def cluster_problems(site: Mapping[str, Any], nodes: list[Nodes]) -> list[str]:
    """One line for each limit of the named partitions that jobs of the profile would break."""
    lines: list[str] = []
    for key in ("gpu_partition", "cpu_partition"):
        name = site.get(key)
        if name in (None, DEFAULT):
            continue
        kinds = [kind for kind in nodes if kind.partition == name]
        if not kinds:
            names = ", ".join(dict.fromkeys(kind.partition for kind in nodes))
            lines.append(f"{key}: {name!r} is not a partition here; there are {names}")
            continue
        if key == "gpu_partition" and not any(kind.gpus for kind in kinds):
            lines.append(f"{key}: no node of {name!r} has a GPU")
        limit, smallest = kinds[0].hours, min(kind.megabytes for kind in kinds)
        if isinstance(site.get("max_hours"), int) and site["max_hours"] > limit:
            lines.append(f"max_hours: {site['max_hours']} is more than the {limit:g} hours of {name!r}")
        if isinstance(site.get("max_gigabytes"), int) and site["max_gigabytes"] * 1000 > smallest:
            lines.append(f"max_gigabytes: {site['max_gigabytes']} is more than the {smallest} MB in {name!r}")
    return lines


def status_problems(controller: str) -> list[str]:
    """Check that squeue lists finished jobs for long enough, by the output of ``scontrol show config``."""
    age = re.search(r"^MinJobAge\s*=\s*(\d+)", controller, re.M)
    if age is None or int(age[1]) >= _SQUEUE_AGE:
        return []
    accounting = not re.search(r"^AccountingStorageType\s*=\s*\S*none", controller, re.M)
    instead = "set slurm-status-command to sacct in slurm/config.yaml" if accounting else "ask for 300 s"
    return [
        f"squeue forgets finished jobs after {age[1]} s (MinJobAge), Snakemake asks every 180 s: {instead}"
    ]


def all_problems(site: Mapping[str, Any]) -> list[str]:
    """List ``problems``, and those with the cluster if Slurm's commands are here."""
    lines = problems(site)
    if shutil.which("sinfo") is None:
        return lines
    try:
        nodes = _run("sinfo", "--noheader", "--exact", "--format=%R|%l|%G|%m").splitlines()
        controller = _run("scontrol", "show", "config")
    except subprocess.SubprocessError as error:
        return [*lines, f"Slurm does not answer: {error}"]
    lines += cluster_problems(site, [Nodes.of_line(line) for line in nodes])
    return lines + status_problems(controller)


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

"""Checks of the file that a site fills in for the Slurm profile, against its keys and against the cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
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
OPTIONAL_KEYS = ("qos", "gpu_constraint", "gpu_gigabytes", "gpus_per_node", "gpu_hour_price")
_NUMBERS = ("max_hours", "max_gigabytes", "gpu_gigabytes", "gpus_per_node")

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
    price = site.get("gpu_hour_price")
    if price not in (None, DEFAULT) and (isinstance(price, bool) or not isinstance(price, int | float)):
        lines.append(f"gpu_hour_price: {price!r} must be a number")
    return lines


def time_limits(profile: str, site: Mapping[str, Any]) -> dict[str, float]:
    """Hours that all attempts of a rule's job have together, up to ``max_hours`` each, as the profile says.

    Args:
        profile: text of slurm/config.yaml, in which the third attempt and all later ones have the same time.
    """
    most, retries = site.get("max_hours"), re.search(r"^retries: (\d+)", profile, re.M)
    attempts = range(1, 2 + (int(retries[1]) if retries else 0))
    limit = most if isinstance(most, int) else float("inf")
    return {
        rule: sum(min(int(hours) * min(attempt, 3), limit) for attempt in attempts)
        for rule, hours in re.findall(r"^  (\w+): \?(?:job|training)\(.*?\bhours=(\d+)", profile, re.M)
    }


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind in a partition, as ``sinfo --exact --format %R|%l|%G|%m`` names them.

    Attributes:
        gpus: of each node.
    """

    partition: str
    hours: float
    gpus: int
    megabytes: int

    @classmethod
    def of_line(cls, line: str) -> Nodes:
        partition, limit, gres, megabytes = line.split("|")
        return cls(partition, limit_hours(limit), count_gpus(gres), int(megabytes))


def count_gpus(gres: str) -> int:
    """GPUs of a node by its generic resources, such as ``gpu:a100:8(S:0-1),shard:16``."""
    found = (
        re.fullmatch(r"gpu(?::[^:]+?)??(?::(\d+))?", item)
        for item in re.sub(r"\([^)]*\)", "", gres).split(",")
    )
    return sum(int(match[1] or 1) for match in found if match)


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


def node_problems(
    site: Mapping[str, Any], nodes: Sequence[Nodes], asked: Mapping[str, tuple[int, str]]
) -> list[str]:
    """One line for each job that needs more GPUs than a node of the site has: it would wait for ever.

    Args:
        nodes: of the cluster; without any, ``gpus_per_node`` of the site alone is known.
        asked: GPUs of each node that a job asks for, and their sum in words, by the job's key.
    """
    partition = site.get("gpu_partition")
    named = [kind.gpus for kind in nodes if partition in (None, DEFAULT, kind.partition)]
    said = site.get("gpus_per_node")
    most = said if isinstance(said, int) else max(named, default=0)
    if not most:  # unknown, or told by ``cluster_problems``
        return []
    source = "gpus_per_node" if isinstance(said, int) else f"the largest node of {partition!r}"
    return [
        f"{job} needs {gpus} GPUs of a node ({words}), and {source} has {most}: launch fewer processes, or "
        "lower serving.gpus, serving.rollouts.gpus or judging.vllm.tensor_parallel_size"
        for job, (gpus, words) in asked.items()
        if gpus > most
    ]


def all_problems(site: Mapping[str, Any], asked: Mapping[str, tuple[int, str]] | None = None) -> list[str]:
    """List ``problems``, those with the cluster if Slurm's commands are here, and ``node_problems``."""
    lines, asked = problems(site), asked or {}
    if shutil.which("sinfo") is None:
        return lines + node_problems(site, [], asked)
    try:
        nodes = _run("sinfo", "--noheader", "--exact", "--format=%R|%l|%G|%m").splitlines()
        controller = _run("scontrol", "show", "config")
    except subprocess.SubprocessError as error:
        return [*lines, f"Slurm does not answer: {error}"]
    kinds = [Nodes.of_line(line) for line in nodes]
    lines += cluster_problems(site, kinds) + node_problems(site, kinds, asked)
    return lines + status_problems(controller)


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

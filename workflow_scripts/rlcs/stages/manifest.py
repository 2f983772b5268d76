"""Artifacts: folders with a record of their content, of what made it, and of the run.

- ``manifest.json``: hash and rows of every file. The same bytes have the same manifest, and rules depend on
  manifests only, so a stage that made the same bytes again stops the rerun there.
- ``provenance.json``: all that the artifact depends on (stage, config, code, inputs, seed, packages).
- ``run.json``: what varies (times, host, commit).
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from rlcs.stages.leftovers import REPLACED

PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
)
MANIFEST_NAME = "manifest.json"
PROVENANCE_NAME = "provenance.json"
RUN_NAME = "run.json"


def content_id(path: Path) -> str:
    """First 16 hex digits of the SHA-256 of a file; of a manifest, it names the artifact."""
    return _sha256(path)[:16]


def read_manifest(manifest: Path) -> dict[str, Any]:
    return _read_json(manifest)


def read_provenance(folder: Path) -> dict[str, Any]:
    """The ``identity`` of an artifact, and under ``manifest`` the id of its content."""
    return _read_json(folder / PROVENANCE_NAME)


def read_run(folder: Path) -> dict[str, Any]:
    return _read_json(folder / RUN_NAME)


def identity(
    stage: str, config: Mapping[str, Any], code: str, inputs: Mapping[str, str], seed: int
) -> dict[str, Any]:
    """Everything that an artifact depends on: equal identities make equal artifacts.

    Args:
        inputs: manifest id or content hash by input name.
    """
    return {
        "stage": stage,
        "config": config,
        "code": code,
        "inputs": inputs,
        "seed": seed,
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def identity_key(made_of: Mapping[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of an identity."""
    return _id(json.dumps(made_of, sort_keys=True))


def write_manifest(
    folder: Path, made_of: Mapping[str, Any], started: float, *, handed_on: bool = False
) -> None:
    """Describe every file of ``folder``, what made it, and this run of the stage.

    Args:
        made_of: the artifact's ``identity``.
        started: ``time.time()`` at the start of the stage.
        handed_on: whether the folder is made for others, who need not know this machine's name.
    """
    run = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "host": None if handed_on else platform.node(),
        "gpus": _gpus(),
        "gpu_gigabytes": _gpu_gigabytes(),
        "python": platform.python_version(),
        "commit": _commit(),
        "command": sys.argv[0],
    }
    manifest = _manifest(folder)
    (folder / RUN_NAME).write_text(_json(run), encoding="utf-8")
    (folder / PROVENANCE_NAME).write_text(_json({**made_of, "manifest": _id(manifest)}), encoding="utf-8")
    (folder / MANIFEST_NAME).write_text(manifest, encoding="utf-8")


def restore_manifest(folder: Path, made_of: Mapping[str, Any]) -> bool:
    """True if ``folder`` is the unmodified artifact of this identity; its manifest is then written again.

    Snakemake deletes the manifest before it runs a job. Where nothing that the artifact depends on has
    changed, and no file of it, there is nothing else to make.
    """
    try:
        provenance = read_provenance(folder)
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    manifest = _manifest(folder)
    if provenance != {**made_of, "manifest": _id(manifest)}:
        return False
    (folder / MANIFEST_NAME).write_text(manifest, encoding="utf-8")
    return True


def publish(folder: Path, destination: Path) -> None:
    """Move a finished folder into place in one step: nothing half-written or half-deleted is seen."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    replaced = destination.with_name(destination.name + REPLACED)
    shutil.rmtree(replaced, ignore_errors=True)
    if destination.exists():
        destination.rename(replaced)
    folder.rename(destination)
    shutil.rmtree(replaced, ignore_errors=True)


def _manifest(folder: Path) -> str:
    records = {folder / name for name in (MANIFEST_NAME, PROVENANCE_NAME, RUN_NAME)}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path not in records)
    return _json({"files": {path.relative_to(folder).as_posix(): _describe(path) for path in files}})


def _describe(path: Path) -> dict[str, Any]:
    description: dict[str, Any] = {"sha256": _sha256(path)}
    if path.suffix == ".parquet":
        description["rows"] = pq.read_metadata(path).num_rows
    return description


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _gpus() -> list[str]:
    """Names of the GPUs that this job holds, on all of its nodes; torch is not loaded to learn that."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    here = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return here * int(os.environ.get("SLURM_JOB_NUM_NODES", "1"))


def _gpu_gigabytes() -> float | None:
    """The most memory that torch has held on a GPU of this process, in GB; None without a GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    held = (torch.cuda.max_memory_reserved(number) for number in range(torch.cuda.device_count()))
    return round(max(held) / 1e9, 1)


def _commit() -> str | None:
    result = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None

"""Artifacts: folders with a deterministic ``manifest.json`` and a ``run.json`` for what varies.

The manifest states what made the artifact and what is in it; the same bytes have the same manifest. Rules of
the workflow depend on manifests only.
"""

from __future__ import annotations

import hashlib
import json
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
NAME = "manifest.json"
RUN_NAME = "run.json"


def content_id(path: Path) -> str:
    """First 16 hex digits of the SHA-256 of a file; of a manifest, it names the artifact."""
    return _sha256(path)[:16]


def read_manifest(manifest: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(manifest.read_text())
    return content


def identity(
    stage: str, config: Mapping[str, Any], code: str, inputs: Mapping[str, str], seed: int
) -> dict[str, Any]:
    """All that an artifact depends on: equal identities make equal artifacts.

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
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def write_manifest(folder: Path, made_of: Mapping[str, Any], started: float) -> None:
    """Describe every file of ``folder`` in manifest.json, and this run of the stage in run.json.

    Args:
        made_of: the artifact's ``identity``.
        started: ``time.time()`` at the start of the stage.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (NAME, RUN_NAME))
    described = {path.relative_to(folder).as_posix(): _describe(path) for path in files}
    run = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "host": platform.node(),
        "python": platform.python_version(),
        "commit": _commit(),
        "command": sys.argv[0],
    }
    _write_json(folder / RUN_NAME, run)
    _write_json(folder / NAME, {**made_of, "files": described})


def publish(folder: Path, destination: Path) -> None:
    """Move a finished folder into place in one step; a half-written artifact is never seen."""
    if destination.exists():
        shutil.rmtree(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(destination)


def _describe(path: Path) -> dict[str, Any]:
    description: dict[str, Any] = {"sha256": _sha256(path)}
    if path.suffix == ".parquet":
        description["rows"] = pq.read_metadata(path).num_rows
    return description


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(
        json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _commit() -> str | None:
    result = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None

"""The command line, the log and the artifact of a script.

A script names its inputs and does its work inside ``with stage.artifact() as folder``; the folder is
published with its manifest when the work has ended well. Every script runs without Snakemake, for instance
``python workflow_scripts/ingest.py --config '{...}' --files pairs.jsonl --output results/x/manifest.json``.
"""

import argparse
import errno
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rlcs.errors import InputError
from rlcs.stages.codehash import code_hash
from rlcs.stages.fsdp_on_cpu import shard_on_cpu
from rlcs.stages.leftovers import CHECKPOINTS, PARTIAL, REPLACED
from rlcs.stages.manifest import content_id, identity, identity_key, publish, restore_manifest, write_manifest
from rlcs.stages.retries import comes_again, keep_failure, known_failure

log = logging.getLogger("rlcs")

ACCESS = ("endpoint", "answers", "serving")  # options of a stage that asks judges
WORKER = "--worker"  # one of the processes of a stage that was started with --launch


@dataclass(frozen=True)
class Stage:
    """One run of a script: where it reads and what it makes. A stage that draws nothing has the seed 0.

    A worker is one of the processes that a stage started: it writes into the artifact's folder, which the
    stage that started it makes and publishes.
    """

    name: str
    script: Path
    config: Mapping[str, Any]
    inputs: Mapping[str, tuple[Path, ...]]
    output: Path
    seed: int
    options: Mapping[str, Any]
    worker: bool = False

    def folder(self, name: str) -> Path:
        """The artifact folder of a single input."""
        (manifest,) = self.inputs[name]
        return manifest.parent

    def optional_folder(self, name: str) -> Path | None:
        """The artifact folder of an input that may be missing: a judge without weights has no model."""
        folders = self.folders(name)
        return folders[0] if folders else None

    def folders(self, name: str) -> tuple[Path, ...]:
        return tuple(manifest.parent for manifest in self.inputs[name])

    @contextmanager
    def artifact(self, *, handed_on: bool = False) -> Iterator[Path]:
        """A folder to write into; published as the artifact when the block ends without an error.

        Args:
            handed_on: whether it is made for others, so that its ``run.json`` does not name the machine.
        """
        if self.worker:
            yield self.unfinished
            return
        started = time.time()
        destination, folder = self.output.parent, self.unfinished
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield folder
        write_manifest(folder, self._identity, started, handed_on=handed_on)
        publish(folder, destination)
        self.remove_leftovers()
        log.info("wrote %s in %.0f s", destination, time.time() - started)

    def is_made(self) -> bool:
        """True if an up-to-date, unmodified artifact exists: same config, code, inputs, seed and packages."""
        return restore_manifest(self.output.parent, self._identity)

    def remove_leftovers(self) -> None:
        """Remove what is left of kills, also of one just after the artifact was published."""
        for suffix in (PARTIAL, REPLACED, CHECKPOINTS):
            shutil.rmtree(f"{self.output.parent}{suffix}", ignore_errors=True)

    def checkpoints(self) -> Path:
        """Folder in which a killed stage finds its work again, until its artifact is published.

        Outside of the artifact, since Snakemake deletes a failed job's outputs; keyed by all that the
        artifact depends on, so that work of another config, code or input is never picked up.
        """
        self.unfinished_work.mkdir(parents=True, exist_ok=True)
        return self.unfinished_work

    def key_without(self, name: str) -> str:
        """Key of all that the artifact depends on but one input, for what is kept while that input grows."""
        inputs = {key: value for key, value in self._identity["inputs"].items() if key != name}
        return identity_key({**self._identity, "inputs": inputs})

    @property
    def unfinished(self) -> Path:
        """Folder in which the artifact is written before it is published."""
        return Path(f"{self.output.parent}{PARTIAL}")

    @property
    def unfinished_work(self) -> Path:
        """The folder of ``checkpoints``, which is there only if something was kept."""
        return self._checkpoints / identity_key(self._identity)

    @property
    def _checkpoints(self) -> Path:
        return Path(f"{self.output.parent}{CHECKPOINTS}")

    @cached_property
    def _identity(self) -> dict[str, Any]:
        # of several files, by place: moved results keep their manifests
        inputs = {
            name if len(paths) == 1 else f"{name}.{i}": content_id(path)
            for name, paths in self.inputs.items()
            for i, path in enumerate(paths)
        }
        return identity(self.name, self.config, code_hash(self.script), inputs, self.seed)


def run_stage(
    work: Callable[[Stage], None],
    script: str,
    *,
    inputs: Mapping[str, int | str] = MappingProxyType({}),
    options: Sequence[str] = (),
    seed: bool = False,
    launch: Callable[[Path, Sequence[str]], None] | None = None,
) -> None:
    """Parse the command line and run a stage's work.

    Args:
        script: the script's ``__file__``; its name is the stage's name.
        inputs: number of files of each input, in argparse's words (nargs): 1, "?", "+" or "*".
        options: further text arguments.
        seed: whether the stage takes a seed.
        launch: starts the workers of a stage that is given ``--launch FILE``, an input; called with the file
            and the command line.
    """
    path = Path(script)
    parser = argparse.ArgumentParser(
        prog=path.name, description=f"The stage {path.stem} of the RLCS workflow."
    )
    parser.add_argument(
        "--config", type=_section, required=True, help="the stage's section of the config, as JSON"
    )
    inputs = dict(inputs) if launch is None else {**inputs, "launch": "?"}
    for name, number in inputs.items():
        needed = number in (1, "+")
        parser.add_argument(f"--{name}", nargs=number, type=_file, required=needed, metavar="FILE")
    for name in options:
        parser.add_argument(f"--{name}", required=True)
    if seed:
        parser.add_argument("--seed", type=int, required=True)
    if launch is not None:
        parser.add_argument(WORKER, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, required=True, help="the artifact's manifest.json")
    arguments = vars(parser.parse_args())
    worker = arguments.get("worker", False)
    is_silent = worker and os.environ.get("RANK") != "0"
    logging.basicConfig(
        level=logging.WARNING if is_silent else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    stage = Stage(
        name=path.stem,
        script=path,
        config=arguments["config"],
        inputs={name: _files(arguments[name]) for name in inputs},
        output=arguments["output"],
        seed=arguments.get("seed", 0),
        options={name: arguments[name] for name in options},
        worker=worker,
    )
    try:
        if worker:
            shard_on_cpu()
            work(stage)
        elif (message := known_failure(stage.unfinished_work)) is not None:
            sys.exit(f"error: {message}")
        elif stage.is_made():
            stage.remove_leftovers()
            log.info("%s is up to date; delete it to rebuild", stage.output.parent)
        elif launch is not None and stage.inputs["launch"]:
            with stage.artifact():
                stage.checkpoints()
                launch(stage.inputs["launch"][0], sys.argv)
        else:
            work(stage)
    except InputError as error:
        if comes_again(error):
            keep_failure(stage.unfinished_work, str(error))
        sys.exit(f"error: {error}")
    except Exception as error:
        if (problem := _storage_problem(error, stage.output.parent)) is None:
            if comes_again(error):
                keep_failure(stage.unfinished_work, f"{type(error).__name__}: {error}")
            raise
        shutil.rmtree(stage.unfinished, ignore_errors=True)
        sys.exit(f"error: {problem}")


_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}
_FULL = 1 << 20


def _storage_problem(error: BaseException, destination: Path) -> str | None:
    """The message if a full disk or missing permissions made a stage fail; else None.

    torch and safetensors raise errors of their own, so a full disk is also recognised by itself.
    """
    here = next(folder for folder in destination.absolute().parents if folder.exists())
    free = shutil.disk_usage(here).free
    why = None
    cause: BaseException | None = error
    while cause is not None and why is None:
        if isinstance(cause, OSError) and cause.errno in _STORAGE:
            why = f"{cause.strerror}: {cause.filename or here}"
        cause = cause.__cause__ or cause.__context__
    if why is None and free < _FULL:
        why = f"{type(error).__name__}: {error}"
    if why is None:
        return None
    return (
        f"{destination} cannot be made: {why} ({free / 2**20:.0f} MiB free). The files of the last good "
        f"artifact are as they were. Free disk space or fix the permissions, then run again; "
        "finished work is kept"
    )


def _section(text: str) -> dict[str, Any]:
    try:
        section = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(section, dict):
        raise argparse.ArgumentTypeError("not a JSON object")
    return section


def _files(value: Path | Sequence[Path] | None) -> tuple[Path, ...]:
    """The files of an input; of nargs "?" argparse gives one file or None."""
    return () if value is None else (value,) if isinstance(value, Path) else tuple(value)


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"no such file: {text}")
    return path

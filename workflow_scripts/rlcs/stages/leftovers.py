"""Folders that stopped stages left behind: checkpoints, finished shards, half-written artifacts.

A stage that runs again goes on from it, and removes it when its artifact is published. If the config, the
code or an input has changed since then, nobody reads it any more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# suffixes of an artifact's folder, beside it
PARTIAL = ".partial"
REPLACED = ".replaced"
CHECKPOINTS = ".checkpoints"


@dataclass(frozen=True)
class Leftover:
    """A folder of unfinished work: its bytes, and the time of its last change (Unix seconds)."""

    folder: Path
    size: int
    changed: float

    @classmethod
    def of(cls, folder: Path) -> Leftover:
        states = [path.lstat() for path in [folder, *folder.rglob("*")]]
        return cls(folder, sum(s.st_size for s in states), max(s.st_mtime for s in states))

    def line(self, now: float) -> str:
        return f"{self.size / 1e9:9.2f} GB {(now - self.changed) / 86400:6.1f} days {self.folder}"


def find_leftovers(results: Path) -> list[Leftover]:
    """The folders of unfinished work below a run's results, the largest first; links are not followed."""
    return sorted(map(Leftover.of, _folders(results)), key=lambda found: (-found.size, found.folder))


def _folders(results: Path) -> Iterator[Path]:
    for parent, names, _ in os.walk(results):
        for name in list(names):
            folder = Path(parent, name)
            if folder.is_symlink():
                continue
            if name.endswith((PARTIAL, REPLACED)):
                names.remove(name)
                yield folder
            elif name.endswith(CHECKPOINTS):
                names.remove(name)
                yield from (key for key in folder.iterdir() if key.is_dir() and not key.is_symlink())


def old_leftovers(found: Iterable[Leftover], days: float, now: float) -> list[Leftover]:
    """Those that nothing has changed for so many days; a stage that runs changes its own."""
    return [leftover for leftover in found if now - leftover.changed >= days * 86400]


def remove_leftover(leftover: Leftover) -> None:
    """Remove the folder, and the one of its artifact if nothing else is in it."""
    shutil.rmtree(leftover.folder)
    parent = leftover.folder.parent
    if parent.name.endswith(CHECKPOINTS) and not any(parent.iterdir()):
        parent.rmdir()

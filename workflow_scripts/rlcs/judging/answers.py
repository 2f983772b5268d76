"""Answers that were paid for: an append-only store on disk, so that no question is asked twice.

The store is a folder of JSON-lines files with one answer per line. Each process appends to its own file.
Design choice: one shared file with O_APPEND has whole lines on a local disk, but not on NFS, where clusters
keep results. A killed writer may leave a torn line; nobody continues it, and readers leave it out. The folder
lies outside the stages' artifacts, which Snakemake deletes if a job fails or is forced.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from rlcs.config.prompts import Messages
from rlcs.errors import InputError

log = logging.getLogger("rlcs")


@dataclass(frozen=True)
class Answer:
    """A model's text and its usage.

    ``cost`` is in the currency of the configured prices. In the store it includes the failed attempts at the
    same question that were paid for.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str | None
    cost: float
    # log probabilities by token at the last numbers of the text, two at most, the written token first; empty
    # if they were not requested
    score_logprobs: Sequence[Mapping[str, float]] = ()
    reasoning_tokens: int | None = None  # of the completion's; None if the endpoint does not say


_OPTIONAL = ("score_logprobs", "reasoning_tokens")


def answer_key(model: str, messages: Messages, sampling: Mapping[str, Any], sample: int = 0) -> str:
    """SHA-256 of all that an answer depends on; the address of the server is not part of it.

    ``sample`` tells apart several answers to one question. Sample 0 has the key of a question asked once.
    """
    question: dict[str, Any] = {"model": model, "messages": messages, "sampling": sampling}
    question |= {"sample": sample} if sample else {}
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


class AnswerStore:
    """Answers by key: this process's own, and those written before it was started. Safe among threads.

    Of two answers to one question the first written stands, so that a resumed stage reads what it used. Texts
    stay on disk, since a long training asks hundreds of thousands of questions.

    Raises:
        InputError: on construction and in ``put``, if the folder cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._file: BinaryIO | None = None
        self._offsets: dict[str, tuple[Path, int]] = {}  # file and byte offset of the line
        unreadable = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.jsonl")):  # by time of creation
                for offset, line in _lines(path):
                    if (entry := _read(line)) is None:
                        unreadable += 1
                    else:
                        self._offsets.setdefault(entry[0], (path, offset))
        except OSError as error:
            raise InputError(f"the answers in {folder} cannot be read: {error}") from None
        if unreadable:
            log.warning("%s: left out %d torn or unreadable lines", folder, unreadable)

    def __len__(self) -> int:
        return len(self._offsets)

    def get(self, key: str) -> Answer | None:
        """The stored answer, or None if the question was never answered."""
        with self._lock:
            location = self._offsets.get(key)
        if location is None:
            return None
        path, offset = location
        with path.open("rb") as file:
            file.seek(offset)
            entry = _read(file.readline())
        if entry is None or entry[0] != key:
            raise InputError(f"{path} was changed while it was in use: no answer to {key} at byte {offset}")
        return entry[1]

    def put(self, key: str, answer: Answer) -> None:
        """Append an answer; it is on the disk when this returns."""
        fields = {name: value for name, value in asdict(answer).items() if name not in _OPTIONAL or value}
        line = json.dumps({"key": key, **fields}).encode() + b"\n"
        with self._lock:
            try:
                if self._file is None:
                    # in UTC: local time goes back in autumn
                    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{uuid.uuid4().hex[:8]}.jsonl"
                    self._file = (self.folder / name).open("xb")
                offset = self._file.tell()
                self._file.write(line)
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise InputError(f"an answer cannot be kept in {self.folder}: {error}") from None
            self._offsets.setdefault(key, (Path(self._file.name), offset))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    offset = 0
    with path.open("rb") as file:
        for line in file:
            yield offset, line
            offset += len(line)


def _read(line: bytes) -> tuple[str, Answer] | None:
    """Key and answer of a line; None if it is torn or not an answer."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
        return entry.pop("key"), Answer(**entry)
    except (ValueError, TypeError, AttributeError, KeyError):
        return None

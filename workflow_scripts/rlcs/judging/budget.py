"""A limit on what an endpoint's answers cost: a request is sent only if its longest answer fits into it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.prompts import Messages
from rlcs.errors import InputError

PER_MESSAGE = 16  # tokens of a chat template around a message, generously (design choice)


def largest_cost(messages: Messages, entry: EndpointConfig) -> float:
    """The most that one request can cost: a token has one byte at least, and the answer is the longest.

    Raises:
        InputError: the entry's sampling does not limit the answer.
    """
    if entry.longest_answer is None:
        raise InputError(f"a limit on costs needs max_tokens in the sampling of {entry.model!r}")
    prompt = sum(len(message["content"].encode()) + PER_MESSAGE for message in messages)
    return (prompt * entry.prompt_price + entry.longest_answer * entry.completion_price) / 1e6


class Budget:
    """Money for the answers of a folder and of the folders in it; safe among threads.

    Answers that other jobs store meanwhile count, those that are on their way to them do not.

    Args:
        what: names the answers in messages: ``judge 'gemini'``.
        key: the config's key of the limit, for messages.
    """

    def __init__(self, limit: float, folder: Path, what: str, key: str) -> None:
        self.limit = limit
        self.folder = folder
        self.what = what
        self.key = key
        self._lock = Lock()
        self._stored = 0.0
        self._reserved = 0.0  # of requests on their way, and of failures that were paid for
        self._read: dict[Path, int] = {}  # bytes of each file that are counted

    def reserve(self, amount: float) -> None:
        """Put money aside for a request.

        Raises:
            InputError: with it the costs could pass the limit.
        """
        with self._lock:
            self._count_stored()
            spent = self._stored + self._reserved
            if spent + amount > self.limit:
                raise InputError(
                    f"answers of {self.what} cost {spent:.4g} so far, with what is on its way; the next one "
                    f"could cost {amount:.4g}, and {self.key} is {self.limit:g}: raise it, or ask fewer "
                    "questions. Answers are kept and will not be asked again"
                )
            self._reserved += amount

    def release(self, amount: float) -> None:
        """Give back what was put aside: the answer is stored, or no money was taken for it."""
        with self._lock:
            self._reserved -= amount

    def _count_stored(self) -> None:
        for path in self.folder.rglob("*.jsonl"):
            start = self._read.get(path, 0)
            if path.stat().st_size == start:
                continue
            with path.open("rb") as file:
                file.seek(start)
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # another process is writing it
                    start += len(line)
                    self._stored += _cost(line)
            self._read[path] = start


class Reservation:
    """Money that one question puts aside in each of several budgets."""

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self.budgets = budgets
        self.amount = 0.0

    def put_aside(self, amount: float) -> None:
        """Put more aside.

        Raises:
            InputError: as ``Budget.reserve``.
        """
        for budget in self.budgets:
            budget.reserve(amount)
        self.amount += amount

    def settle(self, lost: float = 0.0) -> None:
        """Give all back but for what was paid without an answer."""
        for budget in self.budgets:
            budget.release(self.amount - lost)


def _cost(line: bytes) -> float:
    """The cost in a stored answer; 0 if the line is torn."""
    try:
        entry = json.loads(line)
    except ValueError:
        return 0.0
    cost = entry.get("cost", 0.0) if isinstance(entry, Mapping) else 0.0
    return float(cost) if isinstance(cost, int | float) else 0.0

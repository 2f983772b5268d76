"""Findings before the first job of a run, as one table: errors, then warnings, then what is fine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Level = Literal["error", "warning", "ok"]
LEVELS: tuple[Level, ...] = ("error", "warning", "ok")
_WIDEST = 44  # characters of the column of subjects; a longer subject moves its own line alone


@dataclass(frozen=True)
class Finding:
    """A row of the table.

    Attributes:
        subject: key of the config, or what else the row is about.
        here: True if another machine may have what this one lacks.
    """

    level: Level
    subject: str
    said: str
    here: bool = False

    @classmethod
    def of_line(cls, level: Level, line: str, *, here: bool = False) -> Finding:
        """The finding of a line ``subject: what is said``."""
        subject, _, said = line.partition(": ")
        return cls(level, subject, said, here)


def strictly(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of which those that this machine lacks are errors."""
    return [
        replace(found, level="error") if found.here and found.level == "warning" else found
        for found in findings
    ]


def table(findings: Sequence[Finding]) -> str:
    """The rows of the table, the worst first; rows of one level stay in their order."""
    width = min(max((len(found.subject) for found in findings), default=0), _WIDEST)
    return "\n".join(
        f"{level:<8} {found.subject:<{width}}  {found.said}"
        for level in LEVELS
        for found in findings
        if found.level == level
    )


def count(findings: Sequence[Finding]) -> str:
    """The numbers of errors and warnings, in words."""
    numbers = {level: sum(found.level == level for found in findings) for level in ("error", "warning")}
    return ", ".join(f"{number} {level}{'' if number == 1 else 's'}" for level, number in numbers.items())

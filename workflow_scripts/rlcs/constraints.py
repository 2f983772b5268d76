"""Hard requirements on a story: the instruction that states one and the check that tests it (RLMR, IFEval).

A kind is one entry of ``KINDS``; its parameters are the keyword arguments of both functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlcs.records import Constraint


@dataclass(frozen=True)
class Kind:
    instruction: Callable[..., str]
    satisfied: Callable[..., bool]


def count_sentences(text: str) -> int:
    """Sentences that end in ``.``, ``!`` or ``?``; a last one without an end counts too."""
    return len([part for part in re.split(r"[.!?]+(?:\s+|$)", text) if part.strip()])


def has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


KINDS: dict[str, Kind] = {
    "max_sentences": Kind(
        instruction=lambda n: f"at most {n} sentences",
        satisfied=lambda text, n: count_sentences(text) <= n,
    ),
    "required_word": Kind(
        instruction=lambda word: f"use the word {word}",
        satisfied=lambda text, word: has_word(text, word),
    ),
}


def _kind(constraint: Constraint) -> Kind:
    if constraint.kind not in KINDS:
        raise ValueError(f"unknown constraint kind {constraint.kind!r}; known: {', '.join(sorted(KINDS))}")
    return KINDS[constraint.kind]


def instruction(constraint: Constraint) -> str:
    """The sentence that tells a writer what is required."""
    parameters: dict[str, Any] = dict(constraint.parameters)
    return _kind(constraint).instruction(**parameters)


def satisfied(constraint: Constraint, text: str) -> bool:
    """Whether a story keeps the constraint."""
    parameters: dict[str, Any] = dict(constraint.parameters)
    return _kind(constraint).satisfied(text, **parameters)

"""Hard requirements on a story: the instruction that states one and the check that tests it (RLMR, IFEval).

A kind is one entry of ``KINDS``; its parameters are the keyword arguments of both functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlcs.records import Constraint


@dataclass(frozen=True)
class Kind:
    parameters: Mapping[str, type]
    instruction: Callable[..., str]
    satisfied: Callable[..., bool]


def count_sentences(text: str) -> int:
    """Sentences that end in ``.``, ``!`` or ``?`` and closing quotes; a last one may lack its end."""
    return len([part for part in re.split(r"[.!?]+[\"'”’»)\]]*(?:\s+|$)", text) if part.strip()])


def has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


KINDS: dict[str, Kind] = {
    "max_sentences": Kind(
        parameters={"n": int},
        instruction=lambda n: f"at most {n} sentences",
        satisfied=lambda text, n: count_sentences(text) <= n,
    ),
    "required_word": Kind(
        parameters={"word": str},
        instruction=lambda word: f"use the word {word}",
        satisfied=lambda text, word: has_word(text, word),
    ),
}


def check(constraint: Constraint) -> Kind:
    """The constraint's kind.

    Raises:
        ValueError: an unknown kind, a missing or unknown parameter, or one of the wrong type.
    """
    if (kind := KINDS.get(constraint.kind)) is None:
        raise ValueError(f"unknown constraint kind {constraint.kind!r}; known: {', '.join(sorted(KINDS))}")
    given, expected = constraint.parameters, kind.parameters
    if given.keys() != expected.keys() or any(type(given[name]) is not expected[name] for name in expected):
        wanted = ", ".join(f"{name}: {expected[name].__name__}" for name in expected)
        raise ValueError(f"constraint {constraint.kind} has the parameters {dict(given)}, expected {wanted}")
    return kind


def instruction(constraint: Constraint) -> str:
    """The sentence that tells a writer what is required; raises as ``check``."""
    parameters: dict[str, Any] = dict(constraint.parameters)
    return check(constraint).instruction(**parameters)


def satisfied(constraint: Constraint, text: str) -> bool:
    """Whether a story keeps the constraint; raises as ``check``."""
    parameters: dict[str, Any] = dict(constraint.parameters)
    return check(constraint).satisfied(text, **parameters)

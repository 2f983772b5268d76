"""Verification of a story's constraints: by rules, and by a verifier model if no rule can tell.

A verifier's answer ends in a line ``Verdict: yes`` or ``Verdict: no``. Emphasis, quotation marks, capitals
and a full stop change nothing. Further words do. An answer that cannot be had or read is None: neither
satisfied nor violated, and counted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rlcs.constraints.registry import instruction, satisfied
from rlcs.records import Context

_MARKS = r"[\s*_`#>\"'“”‘’-]*+"
_VERDICT = re.compile(rf"{_MARKS}verdict{_MARKS}:{_MARKS}(yes|no){_MARKS}[.!]?{_MARKS}", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """A story and a requirement, stated in words, that it may satisfy."""

    context: Context
    story: str
    requirement: str


@dataclass(frozen=True)
class Check:
    """A verifier's answer to a question: satisfied or not, None if it could not be had or read."""

    satisfied: bool | None
    raw: str = ""
    tokens: int = 0


class Verifier(Protocol):
    name: str

    def verify(self, questions: Sequence[Question]) -> list[Check]: ...


def read_check(raw: str, tokens: int, *, truncated: bool = False) -> Check:
    """Read a verifier's raw text; its last line that is not blank must be the verdict and nothing else."""
    found = None if truncated else _VERDICT.fullmatch(raw.rstrip().rsplit("\n", 1)[-1])
    return Check(None if found is None else found[1].lower() == "yes", raw, tokens)


def open_questions(context: Context, story: str) -> dict[int, Question]:
    """Questions that no rule decides for this story, by the constraint's index in its context."""
    return {
        index: Question(context, story, instruction(constraint))
        for index, constraint in enumerate(context.constraints)
        if satisfied(constraint, story) is None
    }


def verify(
    stories: Sequence[tuple[Context, str]], verifier: Verifier | None
) -> tuple[list[list[bool | None]], list[Check]]:
    """Verify every constraint of each story's context.

    All questions go to the verifier in one batch. Without a verifier, constraints that no rule decides stay
    None.

    Returns:
        By story, whether it satisfies each of its context's constraints; the verifier's answers.
    """
    results = [
        [satisfied(constraint, story) for constraint in context.constraints] for context, story in stories
    ]
    questions = [
        (number, index, question)
        for number, (context, story) in enumerate(stories)
        for index, question in open_questions(context, story).items()
    ]
    if verifier is None or not questions:
        return results, []
    checks = verifier.verify([question for _, _, question in questions])
    for (number, index, _), check in zip(questions, checks, strict=True):
        results[number][index] = check.satisfied
    return results, checks

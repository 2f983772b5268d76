"""Whether stories keep their constraints: by rules, and by a verifier model where no rule can tell.

A verifier's answer ends in a line ``Verdict: yes`` or ``Verdict: no``, which is read as strictly as a judge's
scores (``verdict``). What cannot be had or read is None: neither kept nor broken, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rlcs.constraints.registry import instruction, satisfied
from rlcs.records import Context

VERDICTS = {"Verdict: yes": True, "Verdict: no": False}


@dataclass(frozen=True)
class Question:
    """Does a story meet a requirement that is stated in words?"""

    context: Context
    story: str
    requirement: str


@dataclass(frozen=True)
class Check:
    """A verifier's answer to a question: kept or not, None where it could not be had or read."""

    kept: bool | None
    raw: str = ""
    tokens: int = 0


class Verifier(Protocol):
    name: str

    def verify(self, questions: Sequence[Question]) -> list[Check]: ...


def read_check(raw: str, tokens: int, *, truncated: bool = False) -> Check:
    """A verifier's raw text as a check; the last line that is not blank must be the verdict, whole."""
    lines = raw.rstrip().rsplit("\n", 1)
    return Check(None if truncated else VERDICTS.get(lines[-1].strip()), raw, tokens)


def open_questions(context: Context, story: str) -> dict[int, Question]:
    """Questions by the constraint's place in its context: those that no rule decides for this story."""
    return {
        place: Question(context, story, instruction(constraint))
        for place, constraint in enumerate(context.constraints)
        if satisfied(constraint, story) is None
    }


def verify(
    stories: Sequence[tuple[Context, str]], verifier: Verifier | None
) -> tuple[list[list[bool | None]], list[Check]]:
    """Whether each story keeps each of its context's constraints, and what the verifier said.

    All questions go to the verifier in one batch; without a verifier what no rule decides stays None.
    """
    kept = [
        [satisfied(constraint, story) for constraint in context.constraints] for context, story in stories
    ]
    places = [
        (number, place, question)
        for number, (context, story) in enumerate(stories)
        for place, question in open_questions(context, story).items()
    ]
    if verifier is None or not places:
        return kept, []
    checks = verifier.verify([question for _, _, question in places])
    for (number, place, _), check in zip(places, checks, strict=True):
        kept[number][place] = check.kept
    return kept, checks

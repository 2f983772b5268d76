"""Hard requirements on a story: the instruction that states one and the check that tests it (RLMR, IFEval).

A kind is one entry of ``KINDS``; its parameters are the fields of the class.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from rlcs.constraints import kinds
from rlcs.constraints.kind import Kind
from rlcs.constraints.measures import counting_kinds
from rlcs.records import Constraint

KINDS: dict[str, type[Kind]] = {
    "required_word": kinds.RequiredWord,
    "required_words": kinds.RequiredWords,
    "forbidden_words": kinds.ForbiddenWords,
    "opening": kinds.Opening,
    "ending": kinds.Ending,
    "initials": kinds.Initials,
    "first_letter": kinds.FirstLetter,
    "paragraph_start": kinds.ParagraphStart,
    "title": kinds.Title,
    "quoted": kinds.Quoted,
    "postscript": kinds.Postscript,
    "no_lists": kinds.NoLists,
    "no_dialogue": kinds.NoDialogue,
    "no_commas": kinds.NoCommas,
    "capitals": kinds.Capitals,
    "lowercase": kinds.Lowercase,
    "language": kinds.Language,
    "described": kinds.Described,
    **counting_kinds(),
}


def check(constraint: Constraint) -> Kind:
    """The constraint as an object of its kind.

    Raises:
        ValueError: an unknown kind, a missing or unknown parameter, or a value that the kind refuses.
    """
    if (kind := KINDS.get(constraint.kind)) is None:
        raise ValueError(f"unknown constraint kind {constraint.kind!r}; known: {', '.join(sorted(KINDS))}")
    try:
        return kind.model_validate(dict(constraint.parameters))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        wanted = ", ".join(kind.model_fields) or "none"
        raise ValueError(
            f"constraint {constraint.kind} has the parameters {dict(constraint.parameters)}; its parameters "
            f"are {wanted}. {problems}"
        ) from None


def instruction(constraint: Constraint) -> str:
    """The sentence that tells a writer what is required; raises as ``check``."""
    return check(constraint).instruction()


def satisfied(constraint: Constraint, text: str) -> bool | None:
    """Whether a text keeps the constraint, strictly; a blank text keeps none (IFEval).

    None where only a verifier model can tell; raises as ``check``.
    """
    kind = check(constraint)
    return kind.satisfied(text) if text.strip() else False


def loosely_satisfied(constraint: Constraint, text: str) -> bool | None:
    """As ``satisfied``, where any of ``variants`` may keep it (IFEval's loose accuracy)."""
    kind = check(constraint)
    verdicts = [kind.satisfied(variant) for variant in variants(text) if variant.strip()]
    return None if None in verdicts else any(verdicts)


def all_kept(verdicts: Iterable[bool | None]) -> bool | None:
    """Whether all constraints are kept: False where one is broken, else None where one is unknown."""
    verdicts = list(verdicts)
    if False in verdicts:
        return False
    return None if None in verdicts else True


def variants(text: str) -> list[str]:
    """The text, the text without its first line, its last, and both, each also without asterisks."""
    lines = text.split("\n")
    cuts = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return cuts + [cut.replace("*", "") for cut in cuts]

"""Hard requirements on a story: the instruction that states one and the check that tests it (RLMR, IFEval).

A kind is one entry of ``KINDS``; its parameters are the fields of the class. Kinds with a colon are IFEval's.
A run's own kinds are files (``plugins.KIND_FILES``).
"""

from collections.abc import Iterable

from pydantic import ValidationError

from rlcs.constraints import kinds
from rlcs.constraints.instructions import INSTRUCTIONS
from rlcs.constraints.kind import ConstraintKind
from rlcs.constraints.measures import counting_kinds
from rlcs.constraints.plugin_kinds import load_kind
from rlcs.plugins import KIND_FILES
from rlcs.records import Constraint

KINDS: dict[str, type[ConstraintKind]] = {
    "required_word": kinds.RequiredWord,
    "required_words": kinds.RequiredWords,
    "forbidden_words": kinds.ForbiddenWords,
    "opening": kinds.Opening,
    "ending": kinds.Ending,
    "initials": kinds.Initials,
    "first_letter": kinds.FirstLetter,
    "paragraph_start": kinds.ParagraphStart,
    "title": kinds.has_title,
    "quoted": kinds.quoted,
    "postscript": kinds.Postscript,
    "no_lists": kinds.no_lists,
    "no_dialogue": kinds.no_dialogue,
    "no_commas": kinds.no_commas,
    "capitals": kinds.capitals,
    "lowercase": kinds.lowercase,
    "language": kinds.Language,
    "described": kinds.Described,
    **counting_kinds(),
    **INSTRUCTIONS,
}


def parse_constraint(constraint: Constraint) -> ConstraintKind:
    """Make the constraint an object of its kind, with checked parameters.

    Raises:
        InputError: the file of the kind cannot be loaded.
        ValueError: an unknown kind, a missing or unknown parameter, or a value that the kind refuses.
    """
    kind = KINDS.get(constraint.kind)
    if kind is None and (file := KIND_FILES.get(constraint.kind)) is not None:
        kind = load_kind(file)
    if kind is None:
        known = ", ".join(sorted(KINDS.keys() | KIND_FILES.keys()))
        raise ValueError(
            f"unknown constraint kind {constraint.kind!r}; known: {known}; name the file "
            "of a kind of your own under data.constraint_kinds"
        )
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
    """Sentence that tells a writer what is required; raises as ``parse_constraint``."""
    return parse_constraint(constraint).instruction()


def satisfied(constraint: Constraint, text: str) -> bool | None:
    """True if a text satisfies the constraint strictly; a blank text satisfies none (IFEval).

    None if only a verifier model can tell; raises as ``parse_constraint``.
    """
    kind = parse_constraint(constraint)
    return kind.satisfied(text) if text.strip() else False


def loosely_satisfied(constraint: Constraint, text: str) -> bool | None:
    """True if any of ``variants`` satisfies the constraint (IFEval's loose accuracy); None as there."""
    kind = parse_constraint(constraint)
    verdicts = [kind.satisfied(variant) for variant in variants(text) if variant.strip()]
    return None if None in verdicts else any(verdicts)


def all_satisfied(verdicts: Iterable[bool | None]) -> bool | None:
    """True if all constraints are satisfied: False if one is violated, else None if one is unknown."""
    verdicts = list(verdicts)
    if False in verdicts:
        return False
    return None if None in verdicts else True


def variants(text: str) -> list[str]:
    """The text, the text without its first line, its last, and both, each also without asterisks."""
    lines = text.split("\n")
    cuts = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return cuts + [cut.replace("*", "") for cut in cuts]

"""Kinds of constraints from files of the user's (docs/extending.md)."""

from __future__ import annotations

from pathlib import Path

from rlcs.constraints.kind import ConstraintKind
from rlcs.errors import InputError
from rlcs.plugins import load_module

CLASS_NAME = "Kind"


def load_kind(file: Path) -> type[ConstraintKind]:
    """Load the class ``Kind`` of a file.

    Raises:
        InputError: the file cannot be loaded, or has no such class, or it states no instruction or no check.
    """
    kind = getattr(load_module(file), CLASS_NAME, None)
    if not isinstance(kind, type) or not issubclass(kind, ConstraintKind):
        raise InputError(
            f"{file}: it has no class {CLASS_NAME!r} of rlcs.constraints.kind.ConstraintKind; write "
            f"class {CLASS_NAME}(ConstraintKind) with wording and satisfied(self, text)"
        )
    says = hasattr(kind, "wording") or kind.instruction is not ConstraintKind.instruction
    if not says or kind.satisfied is ConstraintKind.satisfied:
        lacks = "satisfied(self, text)" if says else "wording, the instruction"
        raise InputError(f"{file}: its class {CLASS_NAME} has no {lacks}; write it")
    return kind

"""The base class of constraint kinds, and the types of their parameters."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class ConstraintKind(BaseModel):
    """A constraint with its parameters; the docstring of a kind is its documentation."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    def instruction(self) -> str:
        """Sentence for the writer; the instructions of one context are joined by semicolons."""
        raise NotImplementedError

    def satisfied(self, text: str) -> bool | None:
        """True if a text that is not blank satisfies the constraint; None if no rule can tell."""
        raise NotImplementedError


def _visible(value: str) -> str:
    if value != value.strip() or not value:
        raise ValueError("must not be empty, and must neither begin nor end with a space")
    return value


Count = Annotated[int, Field(ge=0)]
Some = Annotated[int, Field(ge=1)]
Phrase = Annotated[str, AfterValidator(_visible)]
Phrases = Annotated[list[Phrase], Field(min_length=1)]

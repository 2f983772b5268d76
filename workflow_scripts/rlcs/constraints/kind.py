"""The base class of constraint kinds, and the types of their parameters."""

import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from rlcs.text import comparable


class ConstraintKind(BaseModel):
    """A constraint with its parameters; the docstring of a kind is its documentation."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    wording: ClassVar[str]  # the instruction, with the names of parameters in braces

    def instruction(self) -> str:
        """Sentence for the writer; the instructions of one context are joined by semicolons."""
        return self.wording.format(**dict(self))

    def satisfied(self, text: str) -> bool | None:
        """True if a text that is not blank satisfies the constraint; None if no rule can tell."""
        raise NotImplementedError


Kind = TypeVar("Kind", bound=ConstraintKind)


def kind_of(function: Callable[[str], Any], base: type[Kind], **members: Any) -> type[Kind]:
    """Make a kind without parameters, with the name and the docstring of a function of a text."""
    kind = create_model(function.__name__, __base__=base, __doc__=function.__doc__)
    for name, member in members.items():
        setattr(kind, name, member)
    return kind


def _visible(value: str) -> str:
    if value != value.strip() or not value:
        raise ValueError("must not be empty, and must neither begin nor end with a space")
    if not comparable(value):
        raise ValueError("must have a visible character")
    return value


def _composed(value: Any) -> Any:
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


Count = Annotated[int, Field(ge=0)]
Some = Annotated[int, Field(ge=1)]
Phrase = Annotated[str, AfterValidator(_visible)]
Letter = Annotated[str, BeforeValidator(_composed), Field(min_length=1, max_length=1)]
Phrases = Annotated[list[Phrase], Field(min_length=1)]

"""Rows of user-supplied preferences, and the shapes that they must have (docs/data.md).

None and nan count as absent. Reasons why a row cannot be used name no values, so that they can be counted;
``data.reasons`` says what was found.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from rlcs.constraints.registry import instruction
from rlcs.data.oddities import is_removed
from rlcs.data.reasons import advice, found
from rlcs.data.values import TextInPlace
from rlcs.records import LABELS, Constraint, Label, Split, label_key
from rlcs.text import visible

_RowModel = TypeVar("_RowModel", bound=BaseModel)


@dataclass(frozen=True)
class RawRow:
    """A row of a file: its values by the workflow's names, or the reason why there are none."""

    file: str
    line: int
    text: str
    values: Mapping[str, Any] | None
    defect: str | None = None


# A conversation as a program prints it, in JSON or in Python.
_MESSAGES = re.compile(r"""\s*\[\s*\{\s*["'](?:role|content)["']\s*:.*\]\s*""", re.DOTALL)


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, from an escape in JSON
        raise PydanticCustomError("encoding", "wrong encoding") from error
    if _MESSAGES.fullmatch(text):
        raise PydanticCustomError("messages", "messages in a text")
    return text


def _not_empty(story: str) -> str:
    if not visible(story):
        raise PydanticCustomError("empty", "empty story")
    return story


def _constraints(value: Any) -> list[Constraint]:
    """Constraints that can be stated; the list and the parameters in it may be JSON (CSV, Parquet)."""
    constraints = []
    for entry in json.loads(value or "[]") if isinstance(value, str) else value:
        parameters = entry.get("parameters") or {}
        constraint = Constraint(
            entry["kind"], json.loads(parameters) if isinstance(parameters, str) else parameters
        )
        instruction(constraint).encode()
        constraints.append(constraint)
    return constraints


# More people than ever read a pair; a larger number does not count votes, and each vote is held in memory.
MAX_VOTES = 10_000

_LABEL_OF: dict[str, Label] = {label: label for label in LABELS}
# What programs write in place of an empty cell.
_NO_LABEL = ("", "na", "nan", "none", "null")
_VALIDATION_NAMES = ("dev", "val", "valid", "eval")


def _votes(value: Any) -> list[Label]:
    """Votes for a, b and tie: a list of labels, or counts by label; either may be JSON (CSV).

    A bare number does not say who won. It counts as no votes.
    """
    votes = json.loads(value) if isinstance(value, str) else value
    if isinstance(votes, int | float) and not isinstance(votes, bool):
        return []
    if isinstance(votes, dict):
        counts = {label: _count(count) for label, count in votes.items()}
        votes = [label for label, count in counts.items() for _ in range(count)]
    if not isinstance(votes, list):
        raise ValueError("not votes")
    read: list[Label] = [_LABEL_OF[label_key(vote)] for vote in votes]
    return read


def _count(value: Any) -> int:
    """A number of people; pandas makes 3.0 of it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError("not a number of people")
    if not 0 <= value <= MAX_VOTES:
        raise ValueError("too many people")
    return int(value)


def _parse_votes(value: Any) -> list[Label]:
    if value in ("", {}, []):
        return []
    try:
        return _votes(value)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise PydanticCustomError("votes", "bad votes") from error


def _parse_constraints(value: Any) -> list[Constraint]:
    try:
        return _constraints(value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PydanticCustomError("constraints", "bad constraints") from error


def _name(value: Any) -> Any:
    """A name that is a number; pandas makes 12.0 of 12 in a column with empty cells."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if type(value) is int else value


def _listed(value: Any) -> Any:
    """The names in a list, which may be JSON (CSV), as one text."""
    if isinstance(value, str) and value.strip()[:2] in ('["', "['"):
        value = _json_list(value)
    texts = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return ", ".join(value) if texts else value


def _json_list(text: str) -> Any:
    """The list that a text in brackets states, which is not taken for a text when its JSON is broken."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PydanticCustomError("list", "list that is not JSON") from error


def _label(value: Any) -> Any:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return value
    key = label_key(value)
    return "" if key in _NO_LABEL else key


def _split(value: Any) -> Any:
    key = value.strip().casefold() if isinstance(value, str) else value
    return "validation" if key in _VALIDATION_NAMES else key


def story_list(value: Any) -> Any:
    """One story or several as a list, which may be JSON (CSV).

    Raises:
        PydanticCustomError: a text in brackets is no JSON.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    return _json_list(text) if text[:1] == "[" and text[-1] == "]" and not is_removed(text) else [value]


Text = Annotated[str, AfterValidator(_unicode)]
Story = Annotated[Text, AfterValidator(_not_empty)]
SeveralStories = Annotated[list[Story], Field(min_length=1), BeforeValidator(story_list)]
Id = Annotated[Text, BeforeValidator(_name)]
NameList = Annotated[Text, BeforeValidator(_listed)]


def _number(value: Any) -> Any:
    """The number that a text states, since a CSV has texts; a bool stays one, which is not a score."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return float(value) if type(value) is int else value


Score = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_number)]


class PremiseRow(BaseModel):
    """A row with what stories continue; an empty optional text is an absent one."""

    model_config = ConfigDict(strict=True, frozen=True)

    domain: Text = ""
    characters: NameList = ""
    previous_plot: Text = ""
    outline: Text = ""
    prompt: Text = ""
    split: Annotated[Split | Literal[""], BeforeValidator(_split)] = ""

    @property
    def premise(self) -> tuple[str, str, str]:
        """The text that must not stand in two splits."""
        return (self.characters, self.previous_plot, self.outline or self.prompt)


class ContextRow(PremiseRow):
    """A row with what the two stories of a pair continue, and who compared them."""

    pair_id: Id = ""
    context_id: Id = ""
    constraints: Annotated[list[Any], BeforeValidator(_parse_constraints)] = []
    source: Id = ""
    annotator: Id = ""
    cohort: Id = ""


class PairRow(ContextRow):
    """One pair with its context; an empty label is an absent one, and votes may stand in its place."""

    story_a: Story
    story_b: Story
    label: Annotated[Label | Literal[""], BeforeValidator(_label)] = ""
    votes: Annotated[list[Label], BeforeValidator(_parse_votes)] = []


class ChosenRow(ContextRow):
    """One pair with its context, the preferred story first (LitBench's shape)."""

    chosen: Story
    rejected: Story


class BestOfRow(PremiseRow):
    """One or several chosen and several rejected stories of a context (RewardBench 2's shape)."""

    context_id: Id = ""
    constraints: Annotated[list[Any], BeforeValidator(_parse_constraints)] = []
    source: Id = ""
    chosen: SeveralStories
    rejected: SeveralStories


class RatingRow(PremiseRow):
    """One person's ratings of one story (HANNA's shape); ``scores`` are the criteria's or the ``raters``'."""

    story: Story
    rater: Id = ""
    cohort: Id = ""
    scores: Annotated[list[Score], Field(min_length=1)]
    raters: list[str] = []


class ParsedPair(NamedTuple):
    """A row of a file, and the pair in it or the reason why it cannot be used."""

    raw: RawRow
    row: PairRow | str


def parse_row(raw: RawRow, kind: type[_RowModel]) -> _RowModel | str:
    """Parse a row as one of a kind; return the reason if it cannot be used."""
    if raw.values is None:
        return raw.defect or "no values"
    present = {
        name: value
        for name, value in raw.values.items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    }
    for name in kind.model_fields:
        if isinstance(present.get(name), TextInPlace):
            return f"text in place of an object for {name}"
    try:
        return kind.model_validate(present)
    except ValidationError as error:
        return _reason(error)


def premise_defect(row: PremiseRow) -> str | None:
    """The reason why a row does not say what its stories continue; None if it does."""
    if row.outline and row.prompt:
        return "both outline and prompt"
    identified = isinstance(row, ContextRow | BestOfRow) and row.context_id
    return None if any(row.premise) or identified else "no context"


def to_quarantine(raw: RawRow, reason: str) -> dict[str, Any]:
    """Make the row of ``records.QUARANTINE`` for a row that cannot be used."""
    return {
        "file": raw.file,
        "line": raw.line,
        "reason": reason,
        "found": _storable(found(raw.values, raw.text, reason)),
        "advice": advice(reason),
        "row": _storable(raw.text),
    }


def _storable(text: str) -> str:
    """The text with half characters and undecoded bytes spelt out."""
    return text.encode(errors="backslashreplace").decode()


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = first["loc"][0]
    match first["type"]:
        case "missing":
            return f"missing {field}"
        case "too_short":
            return f"empty list of {field}"
        case "empty" if len(first["loc"]) > 1:
            return f"empty story, number {int(first['loc'][1]) + 1} of {field}"
        case "list" | "messages":
            return f"{first['msg']} for {field}"
        case "literal_error":
            return f"unknown {field}"
        case "encoding" | "empty" | "constraints" | "votes":
            return first["msg"]
        case _:
            return f"wrong type of {field}"

"""Values of a row by the workflow's names: nested ones, and the texts of messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Fields whose messages are a story, the last of the assistant's; those before it are what it continues.
STORY_COLUMNS = ("story_a", "story_b", "chosen", "rejected", "story")
PREMISE_FIELDS = ("prompt", "outline", "characters", "previous_plot", "context_id")
_ABSENT = object()

Columns = Mapping[str, str | list[str]]
"""The name of each field's column in the data, or those of several columns."""


@dataclass(frozen=True)
class TextInPlace:
    """A text where a name with dots needs an object or a list; it is shown as the text."""

    text: str

    def __repr__(self) -> str:
        return repr(self.text)


def column_names(names: Columns) -> list[str]:
    """List the names of all columns."""
    return [name for given in names.values() for name in ([given] if isinstance(given, str) else given)]


def named_values(values: Mapping[str, Any], names: Columns) -> dict[str, Any]:
    """The row's values by the workflow's names, without those that it lacks.

    A name with dots reaches into objects and lists: ``summaries.0.text``. A text in their place is a
    ``TextInPlace``. Lists of messages (role and
    content) become texts: a story is the assistant's last message. A row without a premise takes the
    messages before the story for its prompt. Several columns become a list, in which an empty cell is "".

    Args:
        names: the row's name of each field.
    """
    named = {}
    for field, name in names.items():
        value = _value(values, name) if isinstance(name, str) else _listed(values, name)
        if value is not _ABSENT:
            named[field] = value
    if any(isinstance(value, list) for value in named.values()):
        _read_messages(named)
    return named


def _value(values: Mapping[str, Any], name: str) -> Any:
    return values[name] if name in values else _nested(values, name)


def _listed(values: Mapping[str, Any], names: Sequence[str]) -> Any:
    found = [_value(values, name) for name in names]
    if all(value is _ABSENT for value in found):
        return _ABSENT
    return ["" if value is None or value is _ABSENT else value for value in found]


def _nested(values: Any, name: str) -> Any:
    if "." not in name:
        return _ABSENT
    for part in name.split("."):
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdecimal() and int(part) < len(values):
            values = values[int(part)]
        elif isinstance(values, str) and values.strip():
            return TextInPlace(values)
        else:
            return _ABSENT
    return values


def _read_messages(named: dict[str, Any]) -> None:
    for field in STORY_COLUMNS:
        if _are_messages(named.get(field)):
            *before, last = named[field]
            named[field] = _content(last) if last["role"] == "assistant" else None
            if before and not any(named.get(name) for name in PREMISE_FIELDS):
                named["prompt"] = before
    if _are_messages(named.get("prompt")):
        told = [_content(message) for message in named["prompt"] if message["role"] != "system"]
        named["prompt"] = "\n\n".join(told)


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(part, Mapping) and {"role", "content"} <= part.keys() for part in value)
    )


def _content(message: Mapping[str, Any]) -> str:
    """The text of a message, whose content may be a list of parts."""
    content = message["content"]
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return "" if content is None else str(content)

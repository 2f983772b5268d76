"""Objects of JSON files: one on each line, an array of them, or objects over several lines."""

import json
import re
from collections.abc import Iterator
from typing import Any

_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,\]]*")
_NEXT_OBJECT = re.compile(r"\n\s*\{")


def parse_object(text: str) -> dict[str, Any] | str:
    """The object that a text states, or the reason why it states none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return "broken JSON"
    return values if isinstance(values, dict) else "not a JSON object"


def is_document(line: str) -> bool:
    """True if a first line begins an array, or an object over several lines, and is none of JSON lines."""
    start = line.strip()
    return start.startswith("[") or start == "{" or (start.startswith("{") and start[-1] in "[{,:")


def read_document(text: str) -> Iterator[tuple[int, str, dict[str, Any] | str]]:
    """Read line number, text and values of each object, or the reason why it has no values.

    An object that holds nothing but one list of objects stands for that list, and one whose keys are all
    numbers and whose values are all objects for these. After broken JSON, reading
    goes on at the next line that begins an object.
    """
    position = _after_blanks(text, text.index("[") + 1 if text.lstrip().startswith("[") else 0)
    line = 1 + text.count("\n", 0, position)
    while position < len(text):
        try:
            values, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            following = _NEXT_OBJECT.search(text, position)
            end = following.start() if following else len(text)
            values = "broken JSON"
        else:
            values = values if isinstance(values, dict) else "not a JSON object"
        for row in _rows_within(values):
            yield line, text[position:end].strip() if row is values else json.dumps(row), row
        begin, position = position, _after_blanks(text, end)
        line += text.count("\n", begin, position)


def _after_blanks(text: str, start: int) -> int:
    """The place of the next value."""
    found = _BETWEEN.match(text, start)
    return found.end() if found else start


def _rows_within(values: dict[str, Any] | str) -> list[Any]:
    if isinstance(values, dict) and values and all(key.isdecimal() for key in values):
        numbered = list(values.values())
        if all(isinstance(row, dict) for row in numbered):
            return numbered
    if isinstance(values, dict) and len(values) == 1:
        (inner,) = values.values()
        if isinstance(inner, list) and inner and all(isinstance(row, dict) for row in inner):
            return inner
    return [values]

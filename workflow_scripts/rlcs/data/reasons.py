"""Reasons why rows cannot be used: what was found, what is expected, and what to do about it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.errors import InputError
from rlcs.records import LABELS, SPLITS

_EXCERPT = 60  # characters of a value in a message
_MOST = 3  # reasons that a message explains
_VALUES = 12  # labels that a message lists

# What is expected, and what to do, by the words that a reason begins with.
_ADVICE = {
    "missing": "Every row needs it; data.columns names a column of another name, such as {story_a: first}",
    "empty list": "A row has one story at least, chosen as well as rejected: leave the row out",
    "list that is not JSON": 'Write JSON, with double quotation marks: ["It bowed.", "It ran."]. One story '
    'that stands in brackets is a list of one: ["[It bowed.]"]',
    "messages in a text": "A conversation is a list of {role, content} of a JSON or Parquet file; in a CSV "
    "the prompt and the story stand in columns of their own",
    "text in place": "data.columns reaches into objects and lists; an object that a text holds is not read. "
    "Write it as an object, without quotation marks around it, or name a column with the text itself",
    "comment deleted": "Reddit has lost the story: leave the row out",
    "empty story": "A story is a text with something to read: leave the row out",
    "identical stories": "The two stories differ in case and white space at most: leave the row out",
    "unknown label": f"A label is one of {', '.join(LABELS)}, or empty; data.labels maps other words, "
    "data.label_scale numbers of a scale",
    "unknown split": f"A split is one of {', '.join(SPLITS)}, dev, val, valid, eval, or empty; if the column "
    "means something else, write data: {ignore: [split]}",
    "wrong type of scores": "A score is a number with a point: 3.5",
    "wrong type": "It must be a text (a score a number); data.columns reaches nested ones, such as "
    "{story_a: answers.0.text}, and data.ignore leaves out a column that means something else",
    "bad votes": 'Votes are counts such as {"a": 3, "b": 1} of at most 10,000 people, or a list such as '
    '["a", "a", "b"]; if the column means something else, write data: {ignore: [votes]}',
    "bad constraints": "Constraints are a list of {kind, parameters}: docs/constraints.md, in a CSV JSON; "
    "if the column means something else, write data: {ignore: [constraints]}",
    "no context": "Every row needs a prompt, or an outline, characters or a previous_plot",
    "both outline and prompt": "A row has one of them; data: {ignore: [outline]} leaves out the outline",
    "broken JSON": "A .jsonl file has one JSON object on each line",
    "not a JSON object": 'A row is an object such as {"prompt": ..., "story_a": ...}',
    "broken CSV": "A quotation mark within a cell is doubled, not escaped by a backslash, and a cell with "
    "one stands in quotation marks",
    "wrong number": "A row has as many cells as the header; a cell with a delimiter or a line break stands "
    "in quotation marks",
    "wrong encoding": "Files are UTF-8, or UTF-16 with its mark; iconv -f cp1252 -t utf-8 converts one "
    "of Windows",
    "another header": "It is the questions or ids of a survey's export, not an answer: delete it",
    "story of more": "data.story_length says how long a story may be, and whether a longer one is cut",
    "duplicate": "The two stories stand in an earlier row for the same context; an annotator's name makes a "
    "further row a further vote",
    "another label": "The earlier label is used. Several people's labels need their names in the column "
    "annotator, or one row with votes",
    "context in two splits": "One premise, whatever its spelling, stands in one split: the first that a "
    "row names",
    "context differs": "One context_id stands for one context; data: {ignore: [context_id]} leaves the "
    "ids out",
    "pair differs": "One pair_id stands for one pair; data: {ignore: [pair_id]} leaves the ids out",
    "domain or split": "All ratings of one prompt name one domain and one split",
    "no story": "A rating needs a second story of the same prompt with a rating",
}


def advice(reason: str) -> str:
    """Say what is expected and what to do; empty for a reason that says it itself."""
    return next((text for start, text in _ADVICE.items() if reason.startswith(start)), "")


def found(values: Mapping[str, Any] | None, text: str, reason: str) -> str:
    """Say what a row has: the value that its reason speaks of, the fields that it has, or its beginning."""
    field = reason.split()[-1]
    if values is None:
        return _excerpt(text)
    if reason.startswith("missing"):
        return (
            f"fields with a value: {', '.join(name for name, value in values.items() if value is not None)}"
        )
    if reason.startswith("bad"):
        field = reason.split()[1]
    if reason.startswith("context differs"):
        field = "context_id"
    if reason.startswith("pair differs"):
        field = "pair_id"
    return f"{field}: {_excerpt(repr(values[field]))}" if field in values else _excerpt(text)


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def count_reasons(quarantine: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count quarantined rows by reason, the most frequent first."""
    return dict(Counter(row["reason"] for row in quarantine).most_common())


def explain_reasons(quarantine: Sequence[Mapping[str, Any]], most: int = _MOST) -> list[str]:
    """Explain the most frequent reasons, a row of each, and the labels that are not known."""
    lines = []
    for reason, count in list(count_reasons(quarantine).items())[:most]:
        row = next(row for row in quarantine if row["reason"] == reason)
        advised = f". {row['advice']}" if row["advice"] else ""
        lines.append(f"{count} x {reason}, as in {row['file']} line {row['line']} ({row['found']}){advised}")
    labels = Counter(
        row["found"].removeprefix("label: ") for row in quarantine if row["reason"] == "unknown label"
    )
    if labels:
        values = [value for value, _ in labels.most_common(_VALUES)]
        counts = ", ".join(f"{value} ({labels[value]})" for value in values)
        line = ", ".join(f"{value}: ?" for value in values)
        lines.append(f"labels found: {counts}. Write a, b or tie for each ? of data: {{labels: {{{line}}}}}")
    return lines


def check_share(
    rows_read: int, quarantine: Sequence[Mapping[str, Any]], limit: float, file: Path | str
) -> None:
    """Check that at most the share ``limit`` of the rows is in quarantine.

    Args:
        file: where the quarantined rows can be looked at.

    Raises:
        InputError: no row was read, or too many of them cannot be used.
    """
    if rows_read == 0:
        raise InputError("the preferences have no rows")
    if len(quarantine) > limit * rows_read:
        counts = ", ".join(f"{count} {reason}" for reason, count in count_reasons(quarantine).items())
        explained = "; ".join(explain_reasons(quarantine))
        raise InputError(
            f"{len(quarantine)} of {rows_read} rows ({len(quarantine) / rows_read:.1%}) cannot be used: "
            f"{counts}. At most {limit:.1%} may be lost (data.max_quarantine_share). {explained}. "
            f"Lines and reasons are in {file}; correct the rows or raise the limit."
        )

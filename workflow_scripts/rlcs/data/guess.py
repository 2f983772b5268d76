"""The section ``data`` of a config for files that nobody has described: what their columns and labels mean.

A column or a label is guessed only where its name or its value says what it means. Everything else is a
question for the person who has the file: ``UNKNOWN`` stands where the answer belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlcs.data.rows import PairRow
from rlcs.errors import InputError
from rlcs.records import LABELS, UNKNOWN, label_key

# Names of the two stories of a pair, the first of which is a.
_SIDES = [
    (f"{word}{mark}{a}", f"{word}{mark}{b}")
    for word in ("story", "response", "output", "completion", "answer", "text", "continuation")
    for mark in ("_", "")
    for a, b in (("a", "b"), ("1", "2"))
] + [("left", "right"), ("first", "second")]
# Names of the preferred and of the other story.
_CHOSEN = [
    (chosen + ending, rejected + ending)
    for chosen, rejected in (("chosen", "rejected"), ("preferred", "dispreferred"), ("better", "worse"))
    for ending in ("", "_story", "_response", "_text")
]
# Other names of the fields beside the stories.
_FIELDS = {
    "prompt": ("prompt", "premise", "instruction", "writing_prompt", "question"),
    "label": ("label", "preference", "preferred", "winner", "choice", "verdict"),
    "annotator": ("annotator", "annotator_id", "rater", "rater_id", "worker", "worker_id", "participant"),
}
_TIES = {"tie", "draw", "both", "equal", "same", "tie (bothbad)"}
_PARTS = re.compile(r"[a-z]+|\d+")  # of a column's name
_FEW = 12  # different labels; a column with more is another thing


@dataclass(frozen=True)
class Guess:
    """Keys of ``data`` beside the source, in which ``UNKNOWN`` is a question, and a sentence about each."""

    keys: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


def guess(columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> Guess:
    """Guess what the columns of some rows mean.

    Args:
        records: rows as they are in the files.

    Raises:
        InputError: the names do not say which columns are the stories and their prompt, or none can be the
            label.
    """
    plain = {_plain(name): name for name in columns}
    if len(plain) < len(columns):
        plain = {name: name for name in columns}
    chosen = [pair for pair in _CHOSEN if set(pair) <= plain.keys()]
    sides = [pair for pair in _SIDES if set(pair) <= plain.keys()]
    if len(chosen) + len(sides) != 1:
        raise InputError(_ask_for_stories(columns, [*chosen, *sides]))
    keys: dict[str, Any] = {}
    why: dict[str, str] = {}
    shape, fields = (
        ("pairs", ("story_a", "story_b")) if sides else ("chosen_rejected", ("chosen", "rejected"))
    )
    names = dict(zip(fields, (sides or chosen)[0], strict=True))
    if chosen and any(isinstance(row.get(plain[name]), list) for row in records for name in names.values()):
        several = [value for row in records for name in names.values() if (value := row.get(plain[name]))]
        if not all(isinstance(value, list) and isinstance(value[0], Mapping) for value in several):
            shape = "best_of"
    if shape != "pairs":
        keys["format"] = shape
        why["format"] = f"{plain[names['chosen']]!r} is the story that people preferred"
    for target in ("prompt", *(("label",) if sides else ()), *(("annotator",) if shape != "best_of" else ())):
        found = [name for name in _FIELDS[target] if name in plain]
        if target in found:
            found = [target]
        if len(found) > 1 and target == "label":
            why["columns"] = (
                f"write for the ? which of {', '.join(repr(plain[name]) for name in found)} has the label"
            )
            found = []
        if len(found) > 1:
            listed = ", ".join(repr(plain[name]) for name in found)
            raise InputError(f"{listed}: which one is the {target}? Write data: {{columns: {{{target}: …}}}}")
        names |= {target: found[0]} if found else {}
    renamed = {target: plain[name] for target, name in names.items() if plain[name] != target}
    if sides and "label" not in names and "votes" not in plain:
        used = {*PairRow.model_fields, *names.values()}
        others = [name for key, name in plain.items() if key and key not in used]
        if not others and "columns" not in why:
            raise InputError(
                "no column says which story people prefer: add a column label with a, b or tie. "
                "Columns found: " + ", ".join(map(repr, columns))
            )
        renamed["label"] = UNKNOWN
        why.setdefault("columns", f"write for the ? which of {', '.join(map(repr, others))} has the label")
    if renamed:
        keys["columns"] = renamed
        why.setdefault("columns", "by their names")
    if sides and "label" in names:
        labels = _guess_labels(
            names, _words(records, *(plain[names[field]] for field in ("label", "story_a", "story_b")))
        )
        if labels:
            keys["labels"] = labels
            asked = UNKNOWN in labels.values()
            why["labels"] = (
                "write for each ? which story this label prefers: a, b or tie"
                if asked
                else "by the names of the stories' columns"
            )
    return Guess(keys, why)


def _plain(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip()).casefold()


def _ask_for_stories(columns: Sequence[str], found: Sequence[tuple[str, str]]) -> str:
    listed = ", ".join(repr(name) for name in columns)
    which = (
        f"several pairs of columns may be the stories ({'; '.join(' and '.join(pair) for pair in found)})"
        if found
        else "no two columns are surely the stories of a pair"
    )
    return (
        f"{which}. Columns found: {listed}. Say what they are, as in docs/data.md: two stories and a label "
        "(data: {columns: {prompt: …, story_a: …, story_b: …, label: …}}), the preferred one and the other "
        "({format: chosen_rejected, columns: {prompt: …, chosen: …, rejected: …}}), or ratings of single "
        "stories ({format: ratings, columns: {prompt: …, story: …, rater: …}, ratings: {criteria: […]}})"
    )


def _words(rows: Iterable[Mapping[str, Any]], label: str, *stories: str) -> list[Any]:
    """The labels of rows, without those that repeat a story's text."""
    return [row.get(label) for row in rows if row.get(label) not in [row.get(story) for story in stories]]


def _guess_labels(names: Mapping[str, str], values: Sequence[Any]) -> dict[str, str]:
    """The labels that the values mean; ``UNKNOWN`` where they do not say it."""
    seen = dict.fromkeys(
        label_key(value) for value in values if isinstance(value, str | int | float) and value == value
    )
    words = [word for word in seen if word not in ("", "na", "nan", "none", "null", "n/a")]
    if all(word in LABELS for word in words) or len(words) > _FEW:
        return {}
    known = dict.fromkeys(_TIES, "tie") | {label: label for label in LABELS}
    for side, other in (("a", "b"), ("b", "a")):
        name, opposite = names[f"story_{side}"], names[f"story_{other}"]
        known[name] = side
        known[name.replace("_", " ")] = side
        difference = set(_PARTS.findall(name)) - set(_PARTS.findall(opposite))
        known |= dict.fromkeys(difference, side)
        # a model's letter or number, as that of its story
        known |= {f"model_{part}": side for part in difference}
    return {word: known.get(word, UNKNOWN) for word in words if word not in LABELS}

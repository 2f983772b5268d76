"""Formats of Argilla: a dataset for ``rg.Dataset.from_disk``, and records with responses as preferences.

They are those of argilla 2 (2.8.0), which the workflow does not need installed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from rlcs.data.label_studio import describe_premise
from rlcs.records import LABELS, Label

QUESTION = "preference"
_TITLES = {"premise": "The story so far", "story_a": "Continuation a", "story_b": "Continuation b"}
_ANSWERS: dict[Label, str] = {"a": "a is better", "b": "b is better", "tie": "equally good"}
SETTINGS: dict[str, Any] = {
    "guidelines": "Which continuation is better?",
    "questions": [
        {
            "name": QUESTION,
            "title": "Which continuation is better?",
            "required": True,
            "settings": {
                "type": "label_selection",
                "options": [{"value": label, "text": _ANSWERS[label]} for label in LABELS],
            },
        }
    ],
    "fields": [
        {"name": name, "title": title, "required": True, "settings": {"type": "text", "use_markdown": False}}
        for name, title in _TITLES.items()
    ],
    "vectors": [],
    "metadata": [],
    "allow_extra_metadata": False,
    "distribution": {"strategy": "overlap", "min_submitted": 1},
    "mapping": None,
}


_FLAT = f"{QUESTION}.responses"  # argilla's name of a flattened record's answers
_NO_STATUS = (
    "responses have no status, so drafts and discarded ones cannot be told apart: export flattened records, "
    "json.dump(dataset.records(with_responses=True).to_list(flatten=True), file)"
)


class Response(BaseModel):
    """One person's answer to one question; argilla's nested export leaves the status out."""

    value: Any
    user_id: str
    status: Literal["submitted", "draft", "discarded"]


class Record(BaseModel):
    """A record with the answers to our question; fields that are not read here are left out."""

    id: str
    responses: list[Response] = []


def write_dataset(
    folder: Path, rows: Iterable[Mapping[str, Any]], requirements: Iterable[str], name: str
) -> None:
    """Write settings and records of preference rows; a record's id is its pair's."""
    (folder / ".argilla").mkdir(parents=True)
    records = [
        {
            "id": row["pair_id"],
            "fields": {
                "premise": describe_premise(row, wanted),
                "story_a": row["story_a"],
                "story_b": row["story_b"],
            },
            **{part: {} for part in ("metadata", "suggestions", "responses", "vectors")},
        }
        for row, wanted in zip(rows, requirements, strict=True)
    ]
    for path, content in (
        (".argilla/dataset.json", {"name": name, "guidelines": SETTINGS["guidelines"]}),
        (".argilla/settings.json", SETTINGS),
        ("records.json", records),
    ):
        (folder / path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _record(values: Mapping[str, Any]) -> Record:
    """Read a record, nested or flattened.

    Raises:
        ValueError: it has no answers to the question, or answers without their status.
    """
    if _FLAT in values:
        users, status = (values.get(f"{_FLAT}.{part}") for part in ("users", "status"))
        given = values[_FLAT] or []
        if given and not (users and status):
            raise ValueError(_NO_STATUS)
        answers = zip(given, users or [], status or [], strict=True)
        responses = [{"value": v, "user_id": user, "status": state} for v, user, state in answers]
    elif isinstance(values.get("responses"), Mapping):
        responses = values["responses"].get(QUESTION) or []
        if any("status" not in response for response in responses):
            raise ValueError(_NO_STATUS)
    else:
        raise ValueError(f"a record has neither responses nor {_FLAT!r}; its fields: {', '.join(values)}")
    return Record.model_validate({"id": values.get("id"), "responses": responses})


def read_argilla_export(
    export: Iterable[Mapping[str, Any]], rows: Mapping[str, Mapping[str, Any]], cohort: str
) -> Iterator[dict[str, Any]]:
    """Read rows of preferences from exported records, one for each submitted response to the question.

    Args:
        export: records with responses, nested or flattened.
        rows: the sheet's rows of preferences by pair id.

    Raises:
        ValueError: what is no record, one of another sheet, a response without its status, or one that is
            not a label.
    """
    for record in map(_record, export):
        for response in record.responses:
            if response.status != "submitted":
                continue
            if record.id not in rows:
                raise ValueError(f"record {record.id!r} is not of this sheet")
            if response.value not in LABELS:
                raise ValueError(
                    f"record {record.id!r}: {response.value!r} is not one of {', '.join(LABELS)}"
                )
            vote = {"label": response.value, "annotator": response.user_id, "cohort": cohort}
            yield {**rows[record.id], **vote}

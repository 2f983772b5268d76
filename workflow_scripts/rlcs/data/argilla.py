"""Formats of Argilla: a dataset for ``rg.Dataset.from_disk``, and records with responses as preferences.

They are those of argilla 2 (2.8.0), which the workflow does not need installed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

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


class Response(BaseModel):
    """One person's answer to one question."""

    value: Any
    user_id: str


class Record(BaseModel):
    """A record that ``DatasetRecords.to_json`` writes; fields that are not read here are left out."""

    id: str
    responses: dict[str, list[Response]] = {}


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


def read_argilla_export(
    export: str, rows: Mapping[str, Mapping[str, Any]], cohort: str
) -> Iterator[dict[str, Any]]:
    """Read rows of preferences from exported records, one for each response to the question.

    Args:
        export: JSON of records with responses.
        rows: the sheet's rows of preferences by pair id.

    Raises:
        pydantic.ValidationError: the export is not a list of records.
        ValueError: a record of another sheet, or a response that is not a label.
    """
    for record in TypeAdapter(list[Record]).validate_json(export):
        for response in record.responses.get(QUESTION, []):
            if record.id not in rows:
                raise ValueError(f"record {record.id!r} is not of this sheet")
            if response.value not in LABELS:
                raise ValueError(
                    f"record {record.id!r}: {response.value!r} is not one of {', '.join(LABELS)}"
                )
            vote = {"label": response.value, "annotator": response.user_id, "cohort": cohort}
            yield {**rows[record.id], **vote}

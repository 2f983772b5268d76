"""Formats of Label Studio: tasks for its Pairwise tag, and its JSON export as rows of preferences."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from rlcs.data.rows import PairRow
from rlcs.records import Label, label_key

INTERFACE = """\
<View>
  <Text name="premise" value="$premise"/>
  <Header value="Which continuation is better?"/>
  <Pairwise name="preference" toName="a,b"/>
  <View style="display: flex; gap: 2em">
    <Text name="a" value="$story_a"/>
    <Text name="b" value="$story_b"/>
  </View>
  <Choices name="equal" toName="premise" choice="single">
    <Choice value="tie"/>
  </Choices>
</View>
"""
_SELECTED: dict[str, Label] = {"left": "a", "right": "b"}


class Result(BaseModel):
    """The mark that one tag of the interface made."""

    type: str
    value: dict[str, Any]


class Annotation(BaseModel):
    """One person's work on a task."""

    id: int | None = None
    result: list[Result]
    completed_by: int | str | dict[str, Any] | None = None
    was_cancelled: bool | None = False

    def label(self, labels: Mapping[str, Label]) -> Label | None:
        """The label of a choice if one is marked, else the selected side; None if neither is.

        Args:
            labels: of the choices, by their text in lower case.
        """
        for result in self.result:
            for choice in result.value.get("choices", []) if result.type == "choices" else []:
                if label_key(choice) in labels:
                    return labels[label_key(choice)]
        selected = [result.value.get("selected", "") for result in self.result if result.type == "pairwise"]
        return _SELECTED.get(selected[-1]) if selected else None

    @property
    def annotator(self) -> str:
        """The person's address or number; if the export has none, the annotation's."""
        if self.completed_by is None:
            return "" if self.id is None else f"annotation {self.id}"
        if isinstance(self.completed_by, dict):
            return str(self.completed_by.get("email") or self.completed_by["id"])
        return str(self.completed_by)


class Task(BaseModel):
    data: dict[str, Any]
    annotations: list[Annotation]


def make_tasks(rows: Iterable[Mapping[str, Any]], requirements: Iterable[str]) -> list[dict[str, Any]]:
    """Make tasks to import: a row of preferences, with its premise and requirements as one text to read."""
    return [
        {"data": {**row, "premise": describe_premise(row, wanted)}}
        for row, wanted in zip(rows, requirements, strict=True)
    ]


def describe_premise(row: Mapping[str, Any], requirements: str) -> str:
    """State what a reader must know before the two stories, as one text."""
    parts = {
        "Characters": row["characters"],
        "So far": row["previous_plot"],
        "Outline": row["outline"],
        "Required": requirements,
    }
    return "\n".join([row["domain"], *(f"{name}: {text}" for name, text in parts.items() if text)])


def read_label_studio_export(
    export: str,
    cohort: str,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, Label] | None = None,
) -> Iterator[dict[str, Any]]:
    """Read rows of preferences from a JSON export, one for each annotation with a preference or a tie.

    Drafts and cancelled annotations are left out.

    Args:
        columns: names in the tasks' data by those of preferences, for a project of one's own.
        labels: labels of the project's choices.

    Raises:
        pydantic.ValidationError: the export is not a list of tasks with their annotations.
        ValueError: a task without both stories; the message has the names in its data.
    """
    names = {name: (columns or {}).get(name, name) for name in PairRow.model_fields}
    label_of: dict[str, Label] = {"tie": "tie"}
    label_of |= {label_key(choice): label for choice, label in (labels or {}).items()}
    for task in TypeAdapter(list[Task]).validate_json(export):
        row = {name: task.data[column] for name, column in names.items() if column in task.data}
        if missing := [name for name in ("story_a", "story_b") if name not in row]:
            raise ValueError(
                f"a task has no {' and no '.join(missing)}; its data: {', '.join(task.data)}. Say which is "
                "which, such as --columns story_a=text1 story_b=text2 prompt=premise"
            )
        for annotation in task.annotations:
            label = annotation.label(label_of)
            if label is not None and not annotation.was_cancelled:
                yield {**row, "label": label, "annotator": annotation.annotator, "cohort": cohort}

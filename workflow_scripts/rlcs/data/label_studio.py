"""Formats of Label Studio: tasks for its Pairwise tag, and its JSON export as rows of preferences."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from rlcs.data.rows import PairRow
from rlcs.records import Label

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

    result: list[Result]
    completed_by: int | str | dict[str, Any]
    was_cancelled: bool = False

    @property
    def label(self) -> Label | None:
        """A tie if that is marked, else the selected side; None if neither is."""
        for result in self.result:
            if result.type == "choices" and "tie" in result.value.get("choices", []):
                return "tie"
        selected = [result.value.get("selected", "") for result in self.result if result.type == "pairwise"]
        return _SELECTED.get(selected[-1]) if selected else None

    @property
    def annotator(self) -> str:
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


def read_label_studio_export(export: str, cohort: str) -> Iterator[dict[str, Any]]:
    """Read rows of preferences from a JSON export, one for each annotation with a preference or a tie.

    Raises:
        pydantic.ValidationError: the export is not a list of tasks with their annotations.
    """
    for task in TypeAdapter(list[Task]).validate_json(export):
        row = {name: task.data[name] for name in PairRow.model_fields if name in task.data}
        for annotation in task.annotations:
            if annotation.label is not None and not annotation.was_cancelled:
                yield {**row, "label": annotation.label, "annotator": annotation.annotator, "cohort": cohort}

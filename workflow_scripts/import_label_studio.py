"""Rows of preferences (JSON lines) from Label Studio's JSON export, for ``human.annotations``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from rlcs.data.label_studio import read_label_studio_export
from rlcs.records import LABELS


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise ValueError(f"{wrong} are not of the form NAME=NAME")
    return dict(pair.split("=", 1) for pair in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path, help="Label Studio's export, format JSON (not JSON-MIN)")
    parser.add_argument("output", type=Path, help="the JSON lines to write")
    parser.add_argument("--cohort", default="", help="which group of readers this is")
    parser.add_argument(
        "--columns", nargs="*", default=[], help="FIELD=NAME: story_a, story_b and prompt of your own project"
    )
    parser.add_argument("--labels", nargs="*", default=[], help="CHOICE=LABEL: a, b or tie of your choices")
    arguments = parser.parse_args()
    try:
        columns, choices = _mapping(arguments.columns), _mapping(arguments.labels)
        if unknown := set(choices.values()) - set(LABELS):
            raise ValueError(f"--labels: {sorted(unknown)} are not of {', '.join(LABELS)}")
        labels = {choice: label for choice, said in choices.items() for label in LABELS if label == said}
        export = arguments.export.read_text(encoding="utf-8-sig")
        rows = list(read_label_studio_export(export, arguments.cohort, columns, labels))
    except ValidationError as error:
        sys.exit(f"error: {arguments.export} is not a JSON export of tasks with annotations: {error}")
    except ValueError as error:
        sys.exit(f"error: {arguments.export}: {error}")
    if not rows:
        sys.exit(
            f"error: {arguments.export} has no finished annotation with a preference; --labels says what the "
            "choices of a project of your own mean"
        )
    arguments.output.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} annotations; those that were cancelled or chose nothing are left out")


if __name__ == "__main__":
    main()

"""Rows of preferences (JSON lines) from Label Studio's JSON export, for ``human.annotations``."""

import argparse
import json
import sys
from pathlib import Path

from pydantic import ValidationError

from rlcs.data.label_studio import read_label_studio_export


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path, help="Label Studio's export, format JSON (not JSON-MIN)")
    parser.add_argument("output", type=Path, help="the JSON lines to write")
    parser.add_argument("--cohort", default="", help="which group of readers this is")
    arguments = parser.parse_args()
    try:
        rows = list(read_label_studio_export(arguments.export.read_text(encoding="utf-8"), arguments.cohort))
    except ValidationError as error:
        sys.exit(f"error: {arguments.export} is not a JSON export of tasks with annotations: {error}")
    arguments.output.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} annotations; those that were cancelled or chose nothing are left out")


if __name__ == "__main__":
    main()

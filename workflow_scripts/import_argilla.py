"""Rows of preferences (JSON lines) from records that Argilla exports as JSON, for ``human.annotations``."""

import argparse
import json
import sys
from pathlib import Path

from rlcs.data.argilla import read_argilla_export
from rlcs.data.files import read_records
from rlcs.data.rows import PairRow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "export", type=Path, help="records with responses, flattened (to_list(flatten=True)), as JSON"
    )
    parser.add_argument("output", type=Path, help="the JSON lines to write")
    parser.add_argument(
        "--sheet", type=Path, required=True, help="the run's folder human, which the export is from"
    )
    parser.add_argument("--cohort", default="", help="which group of readers this is")
    arguments = parser.parse_args()
    tasks = json.loads((arguments.sheet / "label_studio.json").read_text(encoding="utf-8"))
    sheet = {
        task["data"]["pair_id"]: {
            name: task["data"][name] for name in PairRow.model_fields if name in task["data"]
        }
        for task in tasks
    }
    try:
        records = []
        for line, _, values in read_records(arguments.export):
            if isinstance(values, str):
                raise ValueError(f"line {line}: {values}")
            records.append(values)
        rows = list(read_argilla_export(records, sheet, arguments.cohort))
    except ValueError as error:
        sys.exit(f"error: {arguments.export} is not an export of this sheet's records: {error}")
    if not rows:
        sys.exit(f"error: {arguments.export} has {len(records)} records, and no submitted response in them")
    arguments.output.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} annotations of {len({row['pair_id'] for row in rows})} pairs")


if __name__ == "__main__":
    main()

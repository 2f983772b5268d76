"""Compare two runs, or a run and a folder of docs/results: tables with differences, configs, cost."""

import argparse
import sys
from pathlib import Path

from rlcs.errors import InputError
from rlcs.report.comparison import find_two, folder_name, write_comparison


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "runs", nargs="?", default="", help="names of runs or folders, A,B: differences are B - A"
    )
    parser.add_argument("--output", type=Path, default=Path("results/compare"), help="folder of comparisons")
    arguments = parser.parse_args()
    try:
        runs = find_two(arguments.runs, Path.cwd())
        folder = arguments.output / folder_name(runs)
        print(write_comparison(*runs, folder))
    except InputError as error:
        sys.exit(f"error: {error}")
    print(f"written to {folder}/comparison.md and comparison.csv")


if __name__ == "__main__":
    main()

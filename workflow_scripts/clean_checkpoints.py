"""List what stopped stages left behind in a run's results, with sizes; remove what is old with --delete."""

import argparse
import time
from pathlib import Path

from rlcs.stages.leftovers import find_leftovers, old_leftovers, remove_leftover


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of a run, such as results/paper")
    parser.add_argument("--days", type=float, default=7, help="age from which a folder is old; 7 by default")
    parser.add_argument("--delete", action="store_true", help="remove the old ones; a stage then starts anew")
    arguments = parser.parse_args()
    now = time.time()
    found = find_leftovers(arguments.results)
    old = old_leftovers(found, arguments.days, now)
    for leftover in found:
        removed = arguments.delete and leftover in old
        if removed:
            remove_leftover(leftover)
        print(f"{leftover.line(now)}{' removed' if removed else ''}")
    sizes = [sum(leftover.size for leftover in group) / 1e9 for group in (found, old)]
    print(f"{sizes[0]:.2f} GB of unfinished work, {sizes[1]:.2f} GB unchanged for {arguments.days:g} days")
    if old and not arguments.delete:
        print(
            f"`python workflow_scripts/clean_checkpoints.py {arguments.results} --delete` removes the latter"
        )


if __name__ == "__main__":
    main()

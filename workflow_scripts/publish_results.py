"""Copy a run's tables and figures to docs/results, with what made them; the default run's to the README too.

results/ is not committed; this is how numbers that took long outlast the machine. Nothing is typed in.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from rlcs.report.provenance import ancestors
from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_provenance, read_run

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- results: written by workflow_scripts/publish_results.py -->", "<!-- end of results -->"
DEFAULT_RUN = "tiny"
SHOWN = {
    "alignment": ("system", "pairs", "accuracy %", "Δ row above", "p", "Δ length baseline", "flips %"),
    "win_rates": ("policy", "judge", "win rate %", "rating", "constraints kept %", "words"),
}
COPIED = ("tables/*/*.md", "tables/*/*.csv", "tables/*/*.svg", "figures/judges.svg", "figures/policies.svg")


def provenance(results: Path, command: str) -> dict[str, Any]:
    """Commit, machine, versions, and manifest id and duration of all that the tables come from."""
    shown = [
        path.parent for kind in ("tables/*", "figures") for path in results.glob(f"{kind}/{MANIFEST_NAME}")
    ]
    artifacts = sorted(ancestors(results, shown))
    runs = {artifact: read_run(artifact) for artifact in artifacts}
    return {
        "command": command,
        "commits": sorted({run["commit"] or "unknown" for run in runs.values()}),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "packages": read_provenance(results / "preferences")["packages"],
        "artifacts": {
            artifact.relative_to(results).as_posix(): {
                "manifest": content_id(artifact / MANIFEST_NAME),
                "seconds": run["seconds"],
                "cpu_seconds": run["cpu_seconds"],
            }
            for artifact, run in runs.items()
        },
    }


def shown_columns(table: str, columns: tuple[str, ...]) -> str:
    """Some columns of a Markdown table, under its caption."""
    lines = table.strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    places = [rows[0].index(name) for name in columns]
    picked = ["| " + " | ".join(row[place] for place in places) + " |" for row in rows]
    return "\n".join([lines[0], "", *picked])


def readme_section(folder: Path) -> str:
    """What the README shows: a picture, the tables' main columns, and where the rest is."""
    parts = [f"![Accuracy of the judges on held-out pairs]({folder}/alignment.svg)"]
    for name, columns in SHOWN.items():
        table = (ROOT / folder / f"{name}.md").read_text(encoding="utf-8")
        parts.append(shown_columns(table, columns))
    parts.append(f"Every column, and what made these numbers: [{folder}]({folder}).")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a finished run, such as results/tiny")
    parser.add_argument("--command", default="make run", help="what made it")
    parser.add_argument("--name", help="under docs/results; the run's own name where none is given")
    arguments = parser.parse_args()
    results: Path = arguments.results
    folder = Path("docs/results") / (arguments.name or results.name)
    shutil.rmtree(ROOT / folder, ignore_errors=True)
    (ROOT / folder).mkdir(parents=True)
    for pattern in COPIED:
        for path in sorted(results.glob(pattern)):
            shutil.copy(path, ROOT / folder / path.name)
    made_by = json.dumps(provenance(results, arguments.command), indent=2)
    (ROOT / folder / "provenance.json").write_text(made_by + "\n", encoding="utf-8")
    if folder.name != DEFAULT_RUN:
        return
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n\n{readme_section(folder)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

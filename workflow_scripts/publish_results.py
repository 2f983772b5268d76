"""Copy a run's tables, figures and provenance to docs/results, and the default run's results to the README.

results/ is not committed, so these copies keep the numbers of long runs. No number is typed in by hand.
"""

import argparse
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from rlcs.report.provenance import find_ancestors
from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_provenance, read_run

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- results: written by workflow_scripts/publish_results.py -->", "<!-- end of results -->"
DEFAULT_RUN = "tiny"
SHOWN = {
    "alignment": (
        "system",
        "pairs",
        "accuracy %",
        "accuracy, both orders %",
        "Δ row above",
        "Δ length baseline",
        "flips %",
    ),
    "win_rates": ("policy", "judge", "win rate %", "rating", "constraints kept %", "words"),
}
COPIED = ("tables/*/*.md", "tables/*/*.csv", "tables/*/*.svg", "figures/judges.svg", "figures/policies.svg")


def collect_provenance(results: Path, command: str) -> dict[str, Any]:
    """Collect commits, machine, versions, and the manifest id and time of each artifact behind the tables."""
    published = [
        path.parent for kind in ("tables/*", "figures") for path in results.glob(f"{kind}/{MANIFEST_NAME}")
    ]
    artifacts = sorted(find_ancestors(results, published))
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


def select_columns(table: str, columns: tuple[str, ...]) -> str:
    """Select columns of a Markdown table; keep the caption."""
    lines = table.strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    indices = [rows[0].index(name) for name in columns]
    selected = ["| " + " | ".join(row[index] for index in indices) + " |" for row in rows]
    return "\n".join([lines[0], "", *selected])


def readme_section(folder: Path) -> str:
    """The results section of the README: a figure, the main columns of the tables, and a link to the rest."""
    parts = [f"![Accuracy of the judges on held-out pairs]({folder}/alignment.svg)"]
    for name, columns in SHOWN.items():
        table = (ROOT / folder / f"{name}.md").read_text(encoding="utf-8")
        parts.append(select_columns(table, columns))
    parts.append(f"Every column, and what made these numbers: [{folder}]({folder}).")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a finished run, such as results/tiny")
    parser.add_argument("--command", default="make run", help="the command that made the run")
    parser.add_argument("--name", help="folder below docs/results; default: the name of the run")
    arguments = parser.parse_args()
    results: Path = arguments.results
    folder = Path("docs/results") / (arguments.name or results.name)
    shutil.rmtree(ROOT / folder, ignore_errors=True)
    (ROOT / folder).mkdir(parents=True)
    for pattern in COPIED:
        for path in sorted(results.glob(pattern)):
            shutil.copy(path, ROOT / folder / path.name)
    provenance = json.dumps(collect_provenance(results, arguments.command), indent=2)
    (ROOT / folder / "provenance.json").write_text(provenance + "\n", encoding="utf-8")
    if folder.name != DEFAULT_RUN:
        return
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n\n{readme_section(folder)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

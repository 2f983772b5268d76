"""Copy a run's tables, figures and provenance to docs/results, and the default run's results to the README.

results/ is not committed, so these copies keep the numbers of long runs. No number is typed in by hand.
"""

import argparse
import json
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlcs.config import parsing
from rlcs.data.artifacts import STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.report.comparison import CONFIG_NAME, gpu_hours, money
from rlcs.report.formatting import read_table
from rlcs.report.provenance import find_ancestors
from rlcs.report.samples import choose_samples
from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_provenance, read_run

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- results: written by workflow_scripts/publish_results.py -->", "<!-- end of results -->"
DEFAULT_RUN = "tiny"
STORY_FILE = "story.md"
READERS_JUDGE = "oracle"  # of the win rates in the README; it knows the truth, and rewards no policy
EXPLAINED = (
    "In brackets: 95 % intervals. *flips*: pairs of which the verdict changes with the order of the stories; "
    "*both orders*: the verdict from the mean of both."
)
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
        "gpu_hours": round(gpu_hours(runs.values()), 3),
        "money": round(money(results), 4),
        "artifacts": {
            artifact.relative_to(results).as_posix(): {
                "manifest": content_id(artifact / MANIFEST_NAME),
                "seconds": run["seconds"],
                "cpu_seconds": run["cpu_seconds"],
            }
            for artifact, run in runs.items()
        },
    }


def select_columns(table: str, columns: Sequence[str], **rows: str) -> str:
    """Select columns of a Markdown table, and rows with given values of other columns; drop the caption."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line
    ]
    header, rule, *body = lines
    chosen = [row for row in body if all(row[header.index(name)] == value for name, value in rows.items())]
    indices = [header.index(name) for name in columns]
    return "\n".join("| " + " | ".join(row[i] for i in indices) + " |" for row in (header, rule, *chosen))


def readme_section(folder: Path) -> str:
    """The results in the README: a figure, the main columns of the tables, a story, a link to the rest."""

    def read(name: str) -> str:
        return (ROOT / folder / name).read_text(encoding="utf-8").strip()

    judges = ("system", "pairs", "accuracy %", "accuracy, both orders %", "flips %")
    policies = ("policy", "win rate %", "constraints kept %", "words")
    return "\n\n".join(
        [
            f"![Accuracy of the judges on held-out pairs]({folder}/alignment.svg)",
            "Synthetic tiny world: judges against the labels of held-out pairs. " + EXPLAINED,
            select_columns(read("alignment.md"), judges),
            "Stories for held-out contexts against those of the policy after SFT, by the world's own rules:",
            select_columns(read("win_rates.md"), policies, judge=READERS_JUDGE),
            read(STORY_FILE),
            f"Every column, and what made these numbers: [{folder}]({folder}).",
        ]
    )


def tell_story(results: Path) -> str:
    """A context of the held-out split with a story before and after: of the reference and of the best policy.

    It is the first context, by id, for which the policies' stories differ; quality plays no part.
    """
    wins = read_table(results / "tables" / "win_rates" / "win_rates.csv")
    config = read_provenance(results / "report")["config"]
    told = wins[(wins["judge"] == READERS_JUDGE) & (wins["policy"] != config["reference"])]
    best = max(told.itertuples(), key=lambda row: row.win_rate.value).policy
    policies = [config["reference"], best]
    stories = [row for name in policies for row in STORIES_FILE.read(results / "stories" / name / "seed1")]
    contexts = Preferences(results / "preferences").contexts
    (sample,) = choose_samples(contexts, stories, [], [], policies, config["reference"], count=1)
    said = "\n>\n".join(f"> **{story.policy}**: {story.text}" for story in sample.stories)
    return f'A story before and after, for "{sample.context.outline}" ({sample.requirements}):\n\n{said}'


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
    config = results / "logs" / CONFIG_NAME
    # names of files can be people's
    if config.exists() and "names" not in parsing.read(config).sharing.withhold:
        shutil.copy(config, ROOT / folder / CONFIG_NAME)
    provenance = json.dumps(collect_provenance(results, arguments.command), indent=2)
    (ROOT / folder / "provenance.json").write_text(provenance + "\n", encoding="utf-8")
    if folder.name != DEFAULT_RUN:
        return
    (ROOT / folder / STORY_FILE).write_text(tell_story(results) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n\n{readme_section(folder)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Write the gallery: a page with the stories of all policies side by side, and the judgements of them."""

from collections.abc import Sequence
from typing import Any

from rlcs.data.artifacts import CHECKS_FILE, MATCHES_FILE, STORIES_FILE, RowFile
from rlcs.data.preferences import Preferences
from rlcs.evaluation.judgements import read_judged
from rlcs.records import SNAPSHOTS, Row, read_rows
from rlcs.report.gallery import build_gallery, without_texts
from rlcs.report.html import fill_template
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.snapshots import SNAPSHOTS_FILE


def main(stage: Stage) -> None:
    config = stage.config
    contexts = Preferences(stage.folder("preferences")).contexts
    folders = stage.folders("matches")
    matches = MATCHES_FILE.read(folders[0])  # the same for every judge and seed
    judged = read_judged(folders, config["judges"])
    stories = read_by_seed(stage, "stories", STORIES_FILE)
    checks = read_by_seed(stage, "checks", CHECKS_FILE)
    snapshots: dict[int, dict[str, Sequence[Row]]] = {}
    for folder in stage.folders("policies"):
        if (folder / SNAPSHOTS_FILE).exists():
            by_policy = snapshots.setdefault(read_provenance(folder)["seed"], {})
            by_policy[folder.parent.name] = read_rows(folder / SNAPSHOTS_FILE, SNAPSHOTS)
    seeds = [
        {
            "seed": seed,
            "items": told(
                build_gallery(
                    contexts,
                    stories[seed],
                    matches,
                    {judge: judgements.get(seed, []) for judge, judgements in judged.items()},
                    config["policies"],
                    config["reference"],
                    config["contexts"],
                    checks.get(seed, []),
                    snapshots.get(seed, {}),
                ),
                config["withheld"],
            ),
        }
        for seed in sorted(stories)
    ]
    with stage.artifact(handed_on=True) as folder:
        page = fill_template("gallery.html.j2", seeds=seeds, **config)
        (folder / "gallery.html").write_text(page, encoding="utf-8")


def told(items: list[dict[str, Any]], withheld: Sequence[str]) -> list[dict[str, Any]]:
    """The items as the page shows them."""
    return [without_texts(item) for item in items] if "texts" in withheld else items


def read_by_seed(stage: Stage, name: str, file: RowFile) -> dict[int, list[Row]]:
    """Read the rows of an input's artifacts, by seed; each artifact has one seed."""
    rows: dict[int, list[Row]] = {}
    for folder in stage.folders(name):
        rows.setdefault(read_provenance(folder)["seed"], []).extend(file.read(folder))
    return rows


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "stories": "+", "matches": "+", "checks": "*", "policies": "*"},
    )

"""The stories of all policies side by side, with what the judges said of them: one page to step through."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rlcs.evaluation.judgements import read_judged
from rlcs.records import CHECKS, MATCHES, SNAPSHOTS, STORIES, read_contexts, read_rows
from rlcs.report.gallery import Row, gallery_items
from rlcs.report.html import fill
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.snapshots import SNAPSHOTS_FILE


def main(stage: Stage) -> None:
    config = stage.config
    contexts = read_contexts(stage.folder("preferences") / "contexts.parquet")
    folders = stage.folders("matches")
    matches = read_rows(folders[0] / "matches.parquet", MATCHES)  # every judge and seed plays the same
    judged = read_judged(folders, config["judges"])
    stories, checks = by_seed(stage, "stories", STORIES), by_seed(stage, "checks", CHECKS)
    snapshots: dict[int, dict[str, Sequence[Row]]] = {}
    for folder in stage.folders("policies"):
        if (folder / SNAPSHOTS_FILE).exists():
            told = snapshots.setdefault(read_provenance(folder)["seed"], {})
            told[folder.parent.name] = read_rows(folder / SNAPSHOTS_FILE, SNAPSHOTS)
    seeds = [
        {
            "seed": seed,
            "items": gallery_items(
                contexts,
                stories[seed],
                matches,
                {judge: said.get(seed, []) for judge, said in judged.items()},
                config["policies"],
                config["reference"],
                config["contexts"],
                checks.get(seed, []),
                snapshots.get(seed, {}),
            ),
        }
        for seed in sorted(stories)
    ]
    with stage.artifact() as folder:
        page = fill("gallery.html.j2", seeds=seeds, **config)
        (folder / "gallery.html").write_text(page, encoding="utf-8")


def by_seed(stage: Stage, name: str, schema: pa.Schema) -> dict[int, list[Row]]:
    """The rows of an input's artifacts, each of which is of one seed."""
    found: dict[int, list[Row]] = {}
    for folder in stage.folders(name):
        rows = read_rows(folder / f"{name}.parquet", schema)
        found.setdefault(read_provenance(folder)["seed"], []).extend(rows)
    return found


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "stories": "+", "matches": "+", "checks": "*", "policies": "*"},
    )

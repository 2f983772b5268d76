"""The page that a person opens first: headline numbers, tables, figures, stories, and what was run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlcs import stage
from rlcs.captions import FIGURES, TABLES
from rlcs.evaluation import read_judged
from rlcs.formatting import read_table
from rlcs.ingest import summary
from rlcs.manifest import NAME, content_id, read_provenance, read_run
from rlcs.records import MATCHES, PAIRS, QUARANTINE, SPLITS, STORIES, Context, read_contexts, read_rows
from rlcs.report import ReportData, ReportFigure, ReportTable, Sample, choose_samples, headlines, render


def main(this: stage.Stage) -> None:
    preferences = this.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    files = {
        file.name: file for kind in ("tables", "figures") for f in this.folders(kind) for file in _made(f)
    }
    frames = {name: read_table(files[f"{name}.csv"]) for name in TABLES if f"{name}.csv" in files}
    with this.artifact() as folder:
        page = render(
            ReportData(
                run=this.config["run"],
                synthetic=this.config["synthetic"],
                headlines=headlines(frames["alignment"], frames["win_rates"]),
                tables=[ReportTable(*TABLES[name], frame) for name, frame in frames.items()],
                figures=[
                    ReportFigure(*caption, panels)
                    for name, caption in FIGURES.items()
                    if (panels := _panels(files, name))
                ],
                samples=_samples(this, contexts),
                facts={
                    "Data": _data(preferences, contexts),
                    "Models": _models(this),
                    "Watch": _flags(this),
                    "Versions": read_provenance(preferences)["packages"],
                },
            )
        )
        (folder / "report.html").write_text(page, encoding="utf-8")


def _made(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in (".csv", ".svg")]


def _panels(files: Mapping[str, Path], name: str) -> list[str]:
    """A figure's panels one by one, which a phone can show; the figure itself where it has none."""
    names = sorted(file for file in files if file.startswith(f"{name}-panel")) or [f"{name}.svg"]
    return [files[file].read_text(encoding="utf-8") for file in names if file in files]


def _samples(this: stage.Stage, contexts: Mapping[str, Context]) -> list[Sample]:
    """Stories of the first seed, with what the run's own judge said of them."""
    first = min(this.folders("matches"), key=lambda folder: read_provenance(folder)["seed"])
    made_of = read_provenance(first)
    judge, seed = made_of["config"]["name"], made_of["seed"]
    stories = [
        row
        for folder in this.folders("stories")
        for row in read_rows(folder / "stories.parquet", STORIES)
        if row["seed"] == seed
    ]
    return choose_samples(
        contexts,
        stories,
        read_rows(first / "matches.parquet", MATCHES),
        read_judged([first], [judge])[judge][seed],
        this.config["policies"],
        this.config["reference"],
    )


def _data(preferences: Path, contexts: Mapping[str, Context]) -> dict[str, Any]:
    """Counts of what was read, used and lost."""
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    quarantine = read_rows(preferences / "quarantine.parquet", QUARANTINE)
    by_split = Counter(contexts[pair["context_id"]].split for pair in pairs)
    facts: dict[str, Any] = {f"{split} pairs": by_split[split] for split in SPLITS}
    facts |= {"contexts": len(contexts), "rows in quarantine": len(quarantine)}
    return facts | {f"quarantine: {reason}": count for reason, count in summary(quarantine).items()}


def _flags(this: stage.Stage) -> dict[str, str]:
    """What the watch flagged in the trainings of policies."""
    facts = {}
    for path in (folder / "flags.json" for folder in this.folders("models")):
        if path.exists():
            flags = json.loads(path.read_text(encoding="utf-8"))
            said = [f"{f['rule']} {f['value']:.3g} > {f['limit']:g} at step {f['step']}" for f in flags]
            facts["/".join(path.parent.parts[-2:])] = "; ".join(said) or "nothing flagged"
    return facts


def _models(this: stage.Stage) -> dict[str, str]:
    """What each training was and how long it took."""
    facts = {}
    for folder in this.folders("models"):
        name = "/".join(folder.parts[-3:] if folder.name.startswith("seed") else folder.parts[-2:])
        stage_name, seconds = read_provenance(folder)["stage"], read_run(folder)["seconds"]
        facts[name] = f"{stage_name}, {seconds:.0f} s, manifest {content_id(folder / NAME)}"
    return facts


if __name__ == "__main__":
    stage.run(
        main,
        __file__,
        inputs=["preferences"],
        many=["tables", "matches", "stories", "models"],
        optional=["figures"],
    )

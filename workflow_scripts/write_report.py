"""The page that a person opens first: headline numbers, tables, figures, stories, and what was run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlcs.data.artifacts import MATCHES_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.data.validation import count_reasons
from rlcs.evaluation.judgements import read_judged
from rlcs.records import SPLITS, Context
from rlcs.report.captions import FIGURES, TABLES
from rlcs.report.formatting import read_table
from rlcs.report.page import ReportData, ReportTable, headlines, notes, render, sections
from rlcs.report.provenance import machine_facts, model_table, read_made, stage_table
from rlcs.report.samples import Sample, choose_samples
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    files = {
        file.name: file for kind in ("tables", "figures") for f in stage.folders(kind) for file in _made(f)
    }
    frames = {name: read_table(files[f"{name}.csv"]) for name in TABLES if f"{name}.csv" in files}
    made = read_made(stage.output.parent.parent, [f.parent for paths in stage.inputs.values() for f in paths])
    pairs, quarantine = preferences.pairs(), preferences.quarantine
    with stage.artifact() as folder:
        page = render(
            ReportData(
                run=stage.config["run"],
                synthetic=stage.config["synthetic"],
                headlines=headlines(frames["alignment"], frames["win_rates"]),
                notes=notes(frames, len(quarantine), len(quarantine) + len(pairs)),
                sections=sections(frames, {name: _panels(files, name) for name in FIGURES}),
                samples=_samples(stage, preferences.contexts),
                facts={
                    "Data": _data(preferences),
                    "Machines": machine_facts(made),
                    "Versions": read_provenance(preferences.folder)["packages"],
                },
                work=[
                    ReportTable(
                        "Models", "What trained them, and the hash of what came of it.", model_table(made)
                    ),
                    ReportTable("Stages", "All that stage page comes from.", stage_table(made), folded=True),
                ],
            )
        )
        (folder / "report.html").write_text(page, encoding="utf-8")


def _made(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in (".csv", ".svg")]


def _panels(files: Mapping[str, Path], name: str) -> list[str]:
    """A figure's panels one by one, which a phone can show; the figure itself where it has none."""
    names = sorted(file for file in files if file.startswith(f"{name}-panel")) or [f"{name}.svg"]
    return [files[file].read_text(encoding="utf-8") for file in names if file in files]


def _samples(stage: Stage, contexts: Mapping[str, Context]) -> list[Sample]:
    """Stories of the first seed, with what the run's own judge said of them."""
    first = min(stage.folders("matches"), key=lambda folder: read_provenance(folder)["seed"])
    made_of = read_provenance(first)
    judge, seed = made_of["config"]["name"], made_of["seed"]
    stories = [row for row in STORIES_FILE.read(*stage.folders("stories")) if row["seed"] == seed]
    return choose_samples(
        contexts,
        stories,
        MATCHES_FILE.read(first),
        read_judged([first], [judge])[judge][seed],
        stage.config["policies"],
        stage.config["reference"],
    )


def _data(preferences: Preferences) -> dict[str, Any]:
    """Counts of what was read, used and lost."""
    quarantine = preferences.quarantine
    facts: dict[str, Any] = {f"{split} pairs": f"{len(preferences.pairs(split)):,}" for split in SPLITS}
    facts |= {"contexts": f"{len(preferences.contexts):,}", "rows in quarantine": f"{len(quarantine):,}"}
    return facts | {f"quarantine: {reason}": count for reason, count in count_reasons(quarantine).items()}


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={
            "preferences": 1,
            "tables": "+",
            "matches": "+",
            "stories": "+",
            "models": "+",
            "figures": "?",
        },
    )

"""The page that a person opens first: headline numbers, tables, figures, stories, and what was run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.data.validation import summary
from rlcs.evaluation.judgements import read_judged
from rlcs.records import MATCHES, PAIRS, QUARANTINE, SPLITS, STORIES, Context, Row, read_contexts, read_rows
from rlcs.report.captions import FIGURES, TABLES
from rlcs.report.formatting import read_table
from rlcs.report.page import ReportData, ReportTable, headlines, notes, render, sections
from rlcs.report.provenance import machine_facts, model_table, read_made, stage_table
from rlcs.report.samples import Sample, choose_samples
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    preferences = stage.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    files = {
        file.name: file for kind in ("tables", "figures") for f in stage.folders(kind) for file in _made(f)
    }
    frames = {name: read_table(files[f"{name}.csv"]) for name in TABLES if f"{name}.csv" in files}
    made = read_made(stage.output.parent.parent, [f.parent for paths in stage.inputs.values() for f in paths])
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    quarantine = read_rows(preferences / "quarantine.parquet", QUARANTINE)
    with stage.artifact() as folder:
        page = render(
            ReportData(
                run=stage.config["run"],
                synthetic=stage.config["synthetic"],
                headlines=headlines(frames["alignment"], frames["win_rates"]),
                notes=notes(frames, len(quarantine), len(quarantine) + len(pairs)),
                sections=sections(frames, {name: _panels(files, name) for name in FIGURES}),
                samples=_samples(stage, contexts),
                facts={
                    "Data": _data(pairs, quarantine, contexts),
                    "Machines": machine_facts(made),
                    "Versions": read_provenance(preferences)["packages"],
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
    stories = [
        row
        for folder in stage.folders("stories")
        for row in read_rows(folder / "stories.parquet", STORIES)
        if row["seed"] == seed
    ]
    return choose_samples(
        contexts,
        stories,
        read_rows(first / "matches.parquet", MATCHES),
        read_judged([first], [judge])[judge][seed],
        stage.config["policies"],
        stage.config["reference"],
    )


def _data(pairs: Sequence[Row], quarantine: Sequence[Row], contexts: Mapping[str, Context]) -> dict[str, Any]:
    """Counts of what was read, used and lost."""
    by_split = Counter(contexts[pair["context_id"]].split for pair in pairs)
    facts: dict[str, Any] = {f"{split} pairs": f"{by_split[split]:,}" for split in SPLITS}
    facts |= {"contexts": f"{len(contexts):,}", "rows in quarantine": f"{len(quarantine):,}"}
    return facts | {f"quarantine: {reason}": count for reason, count in summary(quarantine).items()}


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

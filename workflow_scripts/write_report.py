"""Write the report, the page to open first: headline numbers, tables, figures, stories, and what was run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.data.validation import summary
from rlcs.evaluation.judgements import read_judged
from rlcs.records import MATCHES, PAIRS, QUARANTINE, SPLITS, STORIES, Context, read_contexts, read_rows
from rlcs.report.captions import FIGURES, TABLES
from rlcs.report.formatting import read_table
from rlcs.report.page import (
    ReportData,
    ReportTable,
    arrange_sections,
    collect_headlines,
    collect_notes,
    render_report,
)
from rlcs.report.provenance import read_artifacts, summarize_machines, tabulate_models, tabulate_stages
from rlcs.report.samples import SampleContext, choose_samples
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    preferences = stage.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    files = {
        file.name: file for kind in ("tables", "figures") for f in stage.folders(kind) for file in _outputs(f)
    }
    frames = {name: read_table(files[f"{name}.csv"]) for name in TABLES if f"{name}.csv" in files}
    artifacts = read_artifacts(
        stage.output.parent.parent, [f.parent for paths in stage.inputs.values() for f in paths]
    )
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    quarantine = read_rows(preferences / "quarantine.parquet", QUARANTINE)
    with stage.artifact() as folder:
        page = render_report(
            ReportData(
                run=stage.config["run"],
                synthetic=stage.config["synthetic"],
                headlines=collect_headlines(frames["alignment"], frames["win_rates"]),
                notes=collect_notes(frames, len(quarantine), len(quarantine) + len(pairs)),
                sections=arrange_sections(frames, {name: _panels(files, name) for name in FIGURES}),
                samples=_samples(stage, contexts),
                facts={
                    "Data": _data(pairs, quarantine, contexts),
                    "Machines": summarize_machines(artifacts),
                    "Versions": read_provenance(preferences)["packages"],
                },
                work=[
                    ReportTable(
                        "Models",
                        "What trained each model, and the hash of the result.",
                        tabulate_models(artifacts),
                    ),
                    ReportTable(
                        "Stages", "All stages behind this page.", tabulate_stages(artifacts), folded=True
                    ),
                ],
            )
        )
        (folder / "report.html").write_text(page, encoding="utf-8")


def _outputs(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in (".csv", ".svg")]


def _panels(files: Mapping[str, Path], name: str) -> list[str]:
    """The panels of a figure, which fit the screen of a phone; the figure itself if it has no panels."""
    names = sorted(file for file in files if file.startswith(f"{name}-panel")) or [f"{name}.svg"]
    return [files[file].read_text(encoding="utf-8") for file in names if file in files]


def _samples(stage: Stage, contexts: Mapping[str, Context]) -> list[SampleContext]:
    """Stories of the first seed, with the verdicts of the run's own judge."""
    first = min(stage.folders("matches"), key=lambda folder: read_provenance(folder)["seed"])
    provenance = read_provenance(first)
    judge, seed = provenance["config"]["name"], provenance["seed"]
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


def _data(
    pairs: Sequence[Mapping[str, Any]],
    quarantine: Sequence[Mapping[str, Any]],
    contexts: Mapping[str, Context],
) -> dict[str, Any]:
    """Numbers of pairs by split, of contexts and of quarantined rows by reason."""
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

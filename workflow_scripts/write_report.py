"""Write the report, the page to open first: headline numbers, tables, figures, stories, and what was run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.data.artifacts import MATCHES_FILE, STORIES_FILE
from rlcs.data.oddities import count_oddities
from rlcs.data.preferences import Preferences
from rlcs.data.reasons import count_reasons
from rlcs.evaluation.judgements import read_judged
from rlcs.records import SPLITS, Context
from rlcs.report.captions import FIGURES, TABLES, sweep_caption
from rlcs.report.flags import FLAGS_FILE, failed_claims, flag_equal_stories
from rlcs.report.formatting import read_table, to_raw
from rlcs.report.page import (
    Note,
    ReportData,
    ReportTable,
    arrange_sections,
    collect_headlines,
    collect_notes,
    mark_own_judges,
    note_lost_updates,
    note_parents,
    render_report,
)
from rlcs.report.provenance import (
    read_artifacts,
    summarize_cost,
    summarize_machines,
    tabulate_models,
    tabulate_stages,
)
from rlcs.report.samples import SampleContext, choose_samples
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    files = {
        file.name: file for kind in ("tables", "figures") for f in stage.folders(kind) for file in _outputs(f)
    }
    frames = {name: read_table(files[f"{name}.csv"]) for name in TABLES if f"{name}.csv" in files}
    artifacts = read_artifacts(
        stage.output.parent.parent, [f.parent for paths in stage.inputs.values() for f in paths]
    )
    captions = FIGURES | {f"sweep_{sweep['name']}": sweep_caption(sweep) for sweep in stage.config["sweeps"]}
    panels = {name: _panels(files, name) for name in captions}
    withheld = stage.config["withheld"]
    policies, reference = stage.config["policies"], stage.config["reference"]
    stories = STORIES_FILE.read(*stage.folders("stories"))
    equal = flag_equal_stories(stories, policies, reference)
    notes = [
        *(Note(flag, flagged=True) for flag in equal),
        *collect_notes(frames, len(preferences.quarantine), preferences.rows_read),
        *note_parents(artifacts),
        *note_lost_updates(artifacts),
    ]
    failed = failed_claims(frames["effects"]) if "effects" in frames else []
    shown = dict(frames)
    if "win_rates" in frames:
        shown["win_rates"] = mark_own_judges(frames["win_rates"], stage.config["own_judges"])
    work = {"models": tabulate_models(artifacts), "stages": tabulate_stages(artifacts)}
    with stage.artifact(handed_on=True) as folder:
        for name, frame in (frames | work).items():
            to_raw(frame).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        flags = [*(note.text for note in notes if note.flagged), *failed]
        (folder / FLAGS_FILE).write_text(json.dumps(flags, ensure_ascii=False, indent=1), encoding="utf-8")
        page = render_report(
            ReportData(
                run=stage.config["run"],
                synthetic=stage.config["synthetic"],
                has_policies=bool(policies),
                rehearsal=stage.config["rehearsal"],
                headlines=collect_headlines(frames["alignment"], frames.get("win_rates")),
                notes=notes,
                failed=failed,
                sections=arrange_sections(shown, panels, captions),
                samples=[] if "texts" in withheld else _samples(stage, preferences.contexts, stories),
                facts={
                    "Data": _data(preferences),
                    "Cost": summarize_cost(artifacts, stage.output.parent.parent / "answers"),
                    "Machines": {
                        fact: value
                        for fact, value in summarize_machines(artifacts).items()
                        if fact != "machines" or "names" not in withheld
                    },
                    "Versions": read_provenance(preferences.folder)["packages"],
                },
                work=[
                    ReportTable(
                        "Models",
                        "What trained each model, and the hash of the result.",
                        work["models"],
                        name="models",
                    ),
                    ReportTable(
                        "Stages",
                        "All stages behind this page, the longest first.",
                        work["stages"],
                        folded=True,
                        name="stages",
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


def _samples(
    stage: Stage, contexts: Mapping[str, Context], stories: Sequence[Mapping[str, Any]]
) -> list[SampleContext]:
    """Stories of the first seed, with the verdicts of the run's own judge; none in a run of judges alone."""
    if not stories:
        return []
    first = min(stage.folders("matches"), key=lambda folder: read_provenance(folder)["seed"])
    provenance = read_provenance(first)
    judge, seed = provenance["config"]["name"], provenance["seed"]
    return choose_samples(
        contexts,
        [row for row in stories if row["seed"] == seed],
        MATCHES_FILE.read(first),
        read_judged([first], [judge])[judge][seed],
        stage.config["policies"],
        stage.config["reference"],
    )


def _data(preferences: Preferences) -> dict[str, Any]:
    """Numbers of pairs by split, of contexts and of quarantined rows by reason."""
    quarantine = preferences.quarantine
    facts: dict[str, Any] = {f"{split} pairs": f"{len(preferences.pairs(split)):,}" for split in SPLITS}
    facts |= {"contexts": f"{len(preferences.contexts):,}", "rows in quarantine": f"{len(quarantine):,}"}
    facts |= {f"quarantine: {reason}": count for reason, count in count_reasons(quarantine).items()}
    odd = count_oddities(preferences.contexts, [*preferences.pairs(), *preferences.unlabelled()])
    return facts | {f"pairs with {kind}": count for kind, count in odd.items()}


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={
            "preferences": 1,
            "tables": "+",
            "matches": "*",
            "stories": "*",
            "models": "*",
            "figures": "?",
        },
    )

"""What the trainers logged, over steps: figures of all trainings, entropy's cells, and signs of collapse."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rlcs.config.policies import WatchConfig
from rlcs.report.captions import TABLES
from rlcs.report.curves import CELLS, available_metrics, entropy_cells, training_curve, training_curves
from rlcs.report.figure_style import to_svg
from rlcs.report.formatting import write_table
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.diagnostics import diagnostics_table

SUPERVISED = ("loss", "mean_token_accuracy", "accuracy", "margin", "entropy")
GRPO = (
    "reward",
    "eval_accuracy",
    "select/independent",
    "select/training",
    "reward_std",
    "frac_reward_zero_std",
    "entropy",
    "kl",
    "completions/mean_length",
    "completions/clipped_ratio",
    "stories/distinct_2",
    "stories/repeated",
    "constraints/satisfied",
    "constraints/violators_rewarded",
    "judge/inconsistent",
    "judge/unparsed",
    "judge/failed",
    "judge/skew",
)
# a figure each, by what trained: trainings of one figure share the axis of steps
METRICS = {"bases": SUPERVISED, "supervised": SUPERVISED, "judges": GRPO, "policies": GRPO}

Trainings = dict[str, dict[int, pd.DataFrame]]


def main(stage: Stage) -> None:
    trainings: dict[str, Trainings] = {name: {} for name in METRICS}
    for registry, kind in (("bases", "base"), ("judges", "judge"), ("policies", "policy")):
        for source in stage.folders(registry):
            if (source / "history.parquet").exists():  # a base from a hub was trained elsewhere
                made_of = read_provenance(source)
                name = source.name if registry == "bases" else source.parent.name
                shown = registry if registry == "bases" or "grpo" in made_of["stage"] else "supervised"
                history = pd.read_parquet(source / "history.parquet")
                label = f"{kind} {name}" if shown == "supervised" else name
                trainings[shown].setdefault(label, {})[made_of["seed"]] = history
    with stage.artifact() as folder:
        for name, histories in trainings.items():
            draw(folder, name, histories, METRICS[name])
        watched = {f"judge {name}": seeds for name, seeds in trainings["judges"].items()}
        watched |= {f"policy {name}": seeds for name, seeds in trainings["policies"].items()}
        cells = [name for name, seeds in watched.items() if available_metrics({name: seeds}, list(CELLS))]
        for place, name in enumerate(cells):
            write(folder, f"entropy_cells-panel{place}", to_svg(entropy_cells(name, watched[name])))
        watches = {
            f"policy {name}": WatchConfig.model_validate(watch)
            for name, watch in stage.config["watch"].items()
        }
        table = diagnostics_table(watched, watches)
        if len(table):
            caption = TABLES["diagnostics"].text
            write_table(table, folder, "diagnostics", caption, stage.config["synthetic"])


def draw(folder: Path, name: str, histories: Trainings, metrics: tuple[str, ...]) -> None:
    """All metrics in one figure, and each in a panel of its own, which a phone can show."""
    shown = available_metrics(histories, metrics)
    if shown:
        write(folder, name, to_svg(training_curves(histories, shown)))
    for place, metric in enumerate(shown):
        write(folder, f"{name}-panel{place:02}", to_svg(training_curve(histories, metric)))


def write(folder: Path, name: str, svg: str) -> None:
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"bases": "*", "judges": "*", "policies": "*"})

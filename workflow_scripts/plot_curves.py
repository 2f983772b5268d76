"""Figures of what the trainers logged over steps, and the table of signs of collapse."""

from pathlib import Path

import pandas as pd

from rlcs.config.policies import WatchConfig
from rlcs.data.artifacts import HISTORY_FILE
from rlcs.report.curves import (
    CELLS,
    plot_entropy_cells,
    plot_metric,
    plot_metrics,
    plot_nothing,
    select_logged,
)
from rlcs.report.figure_style import write_svg
from rlcs.report.formatting import write_tables
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.diagnostics import diagnostics_table
from rlcs.training.watch import INDEPENDENT, TRAINING

SUPERVISED = (
    "loss",
    "eval_loss",
    "mean_token_accuracy",
    "accuracy",
    "eval_accuracy",
    "margin",
    "rewards/accuracies",
    "rewards/margins",
    "entropy",
)
GRPO = (
    "reward",
    TRAINING,
    INDEPENDENT,
    "eval_accuracy",
    "label_probability",
    "rewards/evidence/mean",
    "reward_std",
    "frac_reward_zero_std",
    "entropy",
    "kl",
    "completions/mean_length",
    "completions/clipped_ratio",
    "stories/distinct_2",
    "diversity/contribution",
    "diversity/quality",
    "stories/repeated",
    "constraints/satisfied",
    "constraints/violators_rewarded",
    "judge/inconsistent",
    "judge/unparsed",
    "judge/failed",
    "judge/skew",
)
# metrics of each figure; the trainings of a figure share the axis of steps
METRICS = {"bases": SUPERVISED, "supervised": SUPERVISED, "judges": GRPO, "policies": GRPO}

Trainings = dict[str, dict[int, pd.DataFrame]]


def main(stage: Stage) -> None:
    trainings: dict[str, Trainings] = {name: {} for name in METRICS}
    for registry, kind in (("bases", "base"), ("judges", "judge"), ("policies", "policy")):
        for source in stage.folders(registry):
            if (source / HISTORY_FILE.name).exists():  # a base from a hub was trained elsewhere
                provenance = read_provenance(source)
                name = source.name if registry == "bases" else source.parent.name
                shown = registry if registry == "bases" or "grpo" in provenance["stage"] else "supervised"
                history = pd.read_parquet(source / HISTORY_FILE.name)
                label = f"{kind} {name}" if shown == "supervised" else name
                trainings[shown].setdefault(label, {})[provenance["seed"]] = history
    watched = {f"judge {name}": seeds for name, seeds in trainings["judges"].items()}
    watched |= {f"policy {name}": seeds for name, seeds in trainings["policies"].items()}
    shaped = {name: seeds for name, seeds in watched.items() if select_logged({name: seeds}, list(CELLS))}
    with stage.artifact() as folder:
        for name, histories in trainings.items():
            write_figures(folder, name, histories, METRICS[name])
        if shaped:
            write_svg(plot_entropy_cells(shaped), folder, "entropy_cells")
        for number, (name, seeds) in enumerate(shaped.items()):
            write_svg(plot_entropy_cells({name: seeds}), folder, f"entropy_cells-panel{number:02}")
        for name in stage.config["figures"]:
            if not (folder / f"{name}.svg").exists():
                write_svg(plot_nothing(), folder, name)
        watches = {
            f"policy {name}": WatchConfig.model_validate(watch)
            for name, watch in stage.config["watch"].items()
        }
        table = diagnostics_table(watched, watches)
        if len(table):
            write_tables({"diagnostics": table}, folder, stage.config["synthetic"])


def write_figures(folder: Path, name: str, histories: Trainings, metrics: tuple[str, ...]) -> None:
    """Write one figure of all metrics and a panel per metric, which fits a phone."""
    shown = select_logged(histories, metrics)
    if shown:
        write_svg(plot_metrics(histories, shown), folder, name)
    for number, metric in enumerate(shown):
        write_svg(plot_metric(histories, metric), folder, f"{name}-panel{number:02}")


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"bases": "*", "judges": "*", "policies": "*"})

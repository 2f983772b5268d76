"""Figures of a table's column over a key of the entries, each with its numbers."""

from rlcs.evaluation.sweeps import sweep_table
from rlcs.report.captions import sweep_caption
from rlcs.report.figure_style import write_svg
from rlcs.report.figures import plot_sweep
from rlcs.report.formatting import read_table, write_table
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    tables = {folder.name: read_table(folder / f"{folder.name}.csv") for folder in stage.folders("tables")}
    with stage.artifact() as folder:
        for sweep in stage.config["sweeps"]:
            name, x, metric = f"sweep_{sweep['name']}", sweep["x"], sweep["metric"]
            frame = sweep_table(
                tables[sweep["table"]],
                sweep["points"],
                sweep["lines"],
                x=x,
                metric=metric,
                judge=stage.config["match_judge"],
            )
            write_table(frame, folder, name, sweep_caption(sweep).text, stage.config["synthetic"])
            figure = plot_sweep(frame, x, metric, label=sweep["x_label"] or x, log_x=sweep["log_x"])
            write_svg(figure, folder, name)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"tables": "+"})

"""Table of the pairs that the consistency filter dropped, by teacher and domain."""

import pandas as pd

from rlcs.evaluation.label_audit import filter_table
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    drops = pd.concat([pd.read_csv(folder / "drops.csv") for folder in stage.folders("chains")])
    with stage.artifact() as folder:
        write_tables({"filter": filter_table(drops)}, folder, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"chains": "+"})

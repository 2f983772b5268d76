"""The table of what the consistency filter dropped, by teacher and domain."""

from __future__ import annotations

import pandas as pd

from rlcs.evaluation.label_audit import filter_table
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages import stage


def main(this: stage.Stage) -> None:
    drops = pd.concat([pd.read_csv(folder / "drops.csv") for folder in this.folders("chains")])
    with this.artifact() as folder:
        write_table(filter_table(drops), folder, "filter", TABLES["filter"].text, this.config["synthetic"])


if __name__ == "__main__":
    stage.run(main, __file__, many=["chains"])

"""The table of what the consistency filter dropped, by teacher and domain."""

from __future__ import annotations

import pandas as pd

from rlcs import stage
from rlcs.captions import TABLES
from rlcs.formatting import write_table
from rlcs.tables import filter_table


def main(this: stage.Stage) -> None:
    drops = pd.concat([pd.read_csv(folder / "drops.csv") for folder in this.folders("chains")])
    with this.artifact() as folder:
        write_table(filter_table(drops), folder, "filter", TABLES["filter"].text, this.config["synthetic"])


if __name__ == "__main__":
    stage.run(main, __file__, many=["chains"])

"""The table of what stories achieve that talk to the judge."""

from __future__ import annotations

from rlcs.evaluation.injections import injection_table
from rlcs.evaluation.judgements import read_judged
from rlcs.records import INJECTIONS, PAIRS, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages import stage

SEED = 0  # of the bootstrap


def main(this: stage.Stage) -> None:
    pairs = read_rows(this.folder("preferences") / "pairs.parquet", PAIRS)
    tried = [
        row
        for folder in this.folders("judgements")
        for row in read_rows(folder / "injections.parquet", INJECTIONS)
    ]
    judged = read_judged(this.folders("judgements"), this.config["judges"])
    with this.artifact() as folder:
        contexts = {pair["pair_id"]: pair["context_id"] for pair in pairs}
        frame = injection_table(judged, tried, contexts, seed=SEED)
        write_table(frame, folder, "injections", TABLES["injections"].text, this.config["synthetic"])


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences"], many=["judgements"])

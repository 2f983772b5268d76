"""Table of prompt injections: their effect on each judge."""

from __future__ import annotations

from rlcs.evaluation.injections import injection_table
from rlcs.evaluation.judgements import read_judged
from rlcs.records import INJECTIONS, PAIRS, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages.stage import Stage, run_stage

SEED = 0  # of the bootstrap


def main(stage: Stage) -> None:
    pairs = read_rows(stage.folder("preferences") / "pairs.parquet", PAIRS)
    tried = [
        row
        for folder in stage.folders("judgements")
        for row in read_rows(folder / "injections.parquet", INJECTIONS)
    ]
    judged = read_judged(stage.folders("judgements"), stage.config["judges"])
    with stage.artifact() as folder:
        contexts = {pair["pair_id"]: pair["context_id"] for pair in pairs}
        frame = injection_table(judged, tried, contexts, seed=SEED)
        write_table(frame, folder, "injections", TABLES["injections"].text, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

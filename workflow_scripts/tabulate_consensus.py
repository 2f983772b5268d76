"""Audit of consensus labels against human ones, with their biases, beside each teacher alone."""

from __future__ import annotations

from rlcs.data.preferences import pairs_of_split
from rlcs.evaluation.label_audit import audit_table
from rlcs.judging.consensus import own_labels
from rlcs.records import PAIRS, UNLABELLED, read_contexts, read_judgements, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages.stage import Stage, run_stage

SEED = 0  # of the bootstrap


def main(stage: Stage) -> None:
    preferences = stage.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    labelled = pairs_of_split(read_rows(preferences / "pairs.parquet", PAIRS), contexts, "train")
    unlabelled = pairs_of_split(read_rows(preferences / "unlabelled.parquet", UNLABELLED), contexts, "train")
    judgements = {
        teacher: read_judgements(folder / "judgements.parquet")
        for teacher, folder in zip(stage.config["teachers"], stage.folders("judgements"), strict=True)
    }
    systems = {
        source: {
            row["pair_id"]: row["label"]
            for file in ("pairs", "audit")
            for row in read_rows(folder / f"{file}.parquet", PAIRS)
        }
        for source, folder in zip(stage.config["sources"], stage.folders("consensus"), strict=True)
    }
    systems |= {teacher: own_labels(by_teacher) for teacher, by_teacher in judgements.items()}
    with stage.artifact() as folder:
        frame = audit_table(systems, judgements, labelled, unlabelled, contexts, seed=SEED)
        write_table(frame, folder, "consensus", TABLES["consensus"].text, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "consensus": "+", "judgements": "+"})

"""Audit of consensus labels against human ones, with their biases, beside each teacher alone."""

from rlcs.data.artifacts import AUDIT_FILE, JUDGEMENTS_FILE, PAIRS_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.label_audit import audit_table
from rlcs.judging.consensus import own_labels
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    labelled, unlabelled = preferences.pairs("train"), preferences.unlabelled("train")
    judgements = {
        teacher: JUDGEMENTS_FILE.read(folder)
        for teacher, folder in zip(stage.config["teachers"], stage.folders("judgements"), strict=True)
    }
    systems = {
        source: {
            row["pair_id"]: row["label"] for file in (PAIRS_FILE, AUDIT_FILE) for row in file.read(folder)
        }
        for source, folder in zip(stage.config["sources"], stage.folders("consensus"), strict=True)
    }
    systems |= {teacher: own_labels(by_teacher) for teacher, by_teacher in judgements.items()}
    with stage.artifact() as folder:
        frame = audit_table(systems, judgements, labelled, unlabelled, preferences.contexts, seed=stage.seed)
        write_tables({"consensus": frame}, folder, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "consensus": "+", "judgements": "+"})

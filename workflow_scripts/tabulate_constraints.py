"""Constraint accuracy of policies, beside length and quality of their stories."""

from __future__ import annotations

from collections import defaultdict

from rlcs.evaluation.constraint_accuracy import StoryKey, constraint_table
from rlcs.evaluation.judgements import read_judged
from rlcs.records import CHECKS, MATCHES, STORIES, read_contexts, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages.stage import Stage, run_stage

SEED = 0  # of the bootstrap


def main(stage: Stage) -> None:
    contexts = read_contexts(stage.folder("preferences") / "contexts.parquet")
    stories = [
        row for folder in stage.folders("stories") for row in read_rows(folder / "stories.parquet", STORIES)
    ]
    verified: dict[StoryKey, dict[int, bool | None]] = defaultdict(dict)
    for folder in stage.folders("checks"):
        for row in read_rows(folder / "checks.parquet", CHECKS):
            key = (row["policy"], row["seed"], row["context_id"], row["sample"])
            verified[key][row["constraint"]] = row["satisfied"]
    judge = stage.config["judge"]
    # every seed plays the same matches
    matches = read_rows(stage.folders("matches")[0] / "matches.parquet", MATCHES)
    with stage.artifact() as folder:
        frame = constraint_table(
            stories,
            contexts,
            verified,
            matches,
            read_judged(stage.folders("matches"), [judge])[judge],
            stage.config["paper"],
            policies=stage.config["rows"],
            reference=stage.config["reference"],
            judge=judge,
            seed=SEED,
        )
        write_table(frame, folder, "constraints", TABLES["constraints"].text, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": "+", "matches": "+", "checks": "*"})

"""Constraint accuracy of policies, beside length and quality of their stories."""

from collections import defaultdict

from rlcs.data.artifacts import CHECKS_FILE, MATCHES_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.constraint_accuracy import StoryKey, constraint_table
from rlcs.evaluation.judgements import read_judged
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    contexts = Preferences(stage.folder("preferences")).contexts
    stories = STORIES_FILE.read(*stage.folders("stories"))
    verified: dict[StoryKey, dict[int, bool | None]] = defaultdict(dict)
    for row in CHECKS_FILE.read(*stage.folders("checks")):
        key = (row["policy"], row["seed"], row["context_id"], row["sample"])
        verified[key][row["constraint"]] = row["satisfied"]
    judge = stage.config["judge"]
    # every seed plays the same matches
    matches = MATCHES_FILE.read(stage.folders("matches")[0])
    with stage.artifact() as folder:
        frame = constraint_table(
            stories,
            contexts,
            verified,
            matches,
            read_judged(stage.folders("matches"), [judge], stage.config["probability"])[judge],
            stage.config["paper"],
            policies=stage.config["rows"],
            reference=stage.config["reference"],
            judge=judge,
            seed=stage.seed,
        )
        write_tables({"constraints": frame}, folder, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": "+", "matches": "+", "checks": "*"})

"""The consistency filter: chains that a GenRM may learn from, and a table of what was dropped."""

from rlcs.data.artifacts import CHAINS_FILE, JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences
from rlcs.errors import InputError
from rlcs.judging.consistency import drop_table, filter_pairs
from rlcs.stages.stage import Stage, log, run_stage

UNKNOWN = "unknown"  # the annotators' cohort is not stated, or they are of several


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    pairs = preferences.pairs("train")
    labelled = {pair["pair_id"] for pair in pairs}
    judgements = [
        judgement
        for judgement in JUDGEMENTS_FILE.read(stage.folder("judgements"))
        if judgement.pair_id in labelled
    ]
    teacher = judgements[0].judge
    kept, outcomes = filter_pairs(pairs, judgements)
    with stage.artifact() as folder:
        groups = {
            "teacher": [teacher] * len(pairs),
            "domain": [preferences.contexts[pair["context_id"]].domain for pair in pairs],
            "cohort": [pair["cohort"] or UNKNOWN for pair in pairs],
        }
        drops = drop_table(outcomes, groups)
        drops.to_csv(folder / "drops.csv", index=False)
        log.info("consistency filter:\n%s", drops.to_string(index=False))
        if not kept:
            raise InputError(
                f"teacher {teacher!r} leaves none of {len(pairs)} pairs: there is nothing to learn"
            )
        CHAINS_FILE.write(folder, kept)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": 1})

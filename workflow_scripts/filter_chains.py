"""The consistency filter: chains that a GenRM may learn from, and a table of what was dropped."""

from __future__ import annotations

from rlcs import errors
from rlcs.data.preferences import pairs_of_split
from rlcs.judging.consistency import drop_table, filter_pairs
from rlcs.records import PAIRS, read_contexts, read_judgements, read_rows, write_judgements
from rlcs.stages.stage import Stage, log, run_stage

UNKNOWN = "unknown"  # a pair whose annotators' cohort was not told, or whose annotators are of several


def main(stage: Stage) -> None:
    preferences = stage.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    pairs = pairs_of_split(read_rows(preferences / "pairs.parquet", PAIRS), contexts, "train")
    labelled = {pair["pair_id"] for pair in pairs}
    said = read_judgements(stage.folder("judgements") / "judgements.parquet")
    judgements = [judgement for judgement in said if judgement.pair_id in labelled]
    teacher = judgements[0].judge
    kept, outcomes = filter_pairs(pairs, judgements)
    with stage.artifact() as folder:
        groups = {
            "teacher": [teacher] * len(pairs),
            "domain": [contexts[pair["context_id"]].domain for pair in pairs],
            "cohort": [pair["cohort"] or UNKNOWN for pair in pairs],
        }
        drops = drop_table(outcomes, groups)
        drops.to_csv(folder / "drops.csv", index=False)
        log.info("consistency filter:\n%s", drops.to_string(index=False))
        if not kept:
            raise errors.InputError(
                f"teacher {teacher!r} leaves none of {len(pairs)} pairs: there is nothing to learn"
            )
        write_judgements(folder / "chains.parquet", kept)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": 1})

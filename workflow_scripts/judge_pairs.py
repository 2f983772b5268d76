"""A judge reads every pair of a split in both orders: teacher chains and the alignment evaluation."""

from __future__ import annotations

from rlcs.data.preferences import comparisons_of, pairs_of_split
from rlcs.judging.backends import Access
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.records import PAIRS, UNLABELLED, read_contexts, read_rows, write_judgements
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    preferences = stage.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    rows = read_rows(preferences / "pairs.parquet", PAIRS)
    if stage.config.get("unlabelled"):
        rows += read_rows(preferences / "unlabelled.parquet", UNLABELLED)
    pairs = pairs_of_split(rows, contexts, stage.options["split"])
    with stage.artifact() as folder:
        judge = load_judge(stage.config, stage.optional_folder("model"), Access.of(stage.options))
        judgements = judge_in_shards(judge, comparisons_of(pairs, contexts), stage.checkpoints())
        write_judgements(folder / "judgements.parquet", judgements)
        unread = sum(judgement.verdict == "none" for judgement in judgements)
        log.info("%d judgements, %d of them without a verdict", len(judgements), unread)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": "?"},
        options=["split", "endpoint", "answers", "serving"],
        seed=True,
    )

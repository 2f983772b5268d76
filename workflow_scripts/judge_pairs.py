"""A judge reads every pair of a split in both orders: teacher chains and the alignment evaluation."""

from __future__ import annotations

from rlcs.data.preferences import comparisons_of, pairs_of_split
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.records import PAIRS, UNLABELLED, read_contexts, read_rows, write_judgements
from rlcs.stages import stage


def main(this: stage.Stage) -> None:
    preferences = this.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    rows = read_rows(preferences / "pairs.parquet", PAIRS)
    if this.config.get("unlabelled"):
        rows += read_rows(preferences / "unlabelled.parquet", UNLABELLED)
    pairs = pairs_of_split(rows, contexts, this.options["split"])
    with this.artifact() as folder:
        judge = load_judge(this.config, this.optional_folder("model"), this.options)
        judgements = judge_in_shards(judge, comparisons_of(pairs, contexts), this.checkpoints())
        write_judgements(folder / "judgements.parquet", judgements)
        unread = sum(judgement.verdict == "none" for judgement in judgements)
        stage.log.info("%d judgements, %d of them without a verdict", len(judgements), unread)


if __name__ == "__main__":
    stage.run(
        main,
        __file__,
        inputs=["preferences"],
        optional=["model"],
        options=["split", "endpoint", "answers"],
        seed=True,
    )

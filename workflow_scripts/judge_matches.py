"""A judge compares the stories of all policies of the win-rate table, two by two and in both orders."""

from __future__ import annotations

from rlcs.data.matches import matches_of, pairs_of
from rlcs.data.preferences import comparisons_of
from rlcs.judging.backends import Access
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.records import MATCHES, STORIES, read_contexts, read_rows, write_judgements, write_rows
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    contexts = read_contexts(stage.folder("preferences") / "contexts.parquet")
    stories = {
        (row["policy"], row["context_id"], row["sample"]): row["text"]
        for folder in stage.folders("stories")
        for row in read_rows(folder / "stories.parquet", STORIES)
    }
    matches = matches_of(stories, stage.config["policies"])
    pairs = pairs_of(matches, stories)
    with stage.artifact() as folder:
        judge = load_judge(stage.config, stage.optional_folder("model"), Access.of(stage.options))
        judgements = judge_in_shards(judge, comparisons_of(pairs, contexts), stage.checkpoints())
        write_rows(folder / "matches.parquet", matches, MATCHES)
        write_judgements(folder / "judgements.parquet", judgements)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "stories": "+", "model": "?"},
        options=["endpoint", "answers", "serving"],
        seed=True,
    )

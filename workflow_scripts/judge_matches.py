"""A judge compares the stories of all policies of the win-rate table, two by two and in both orders."""

from __future__ import annotations

from rlcs.data.matches import matches_of, pairs_of
from rlcs.data.preferences import comparisons_of
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.records import MATCHES, STORIES, read_contexts, read_rows, write_judgements, write_rows
from rlcs.stages import stage


def main(this: stage.Stage) -> None:
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    stories = {
        (row["policy"], row["context_id"], row["sample"]): row["text"]
        for folder in this.folders("stories")
        for row in read_rows(folder / "stories.parquet", STORIES)
    }
    matches = matches_of(stories, this.config["policies"])
    pairs = pairs_of(matches, stories)
    with this.artifact() as folder:
        judge = load_judge(this.config, this.optional_folder("model"), this.options)
        judgements = judge_in_shards(judge, comparisons_of(pairs, contexts), this.checkpoints())
        write_rows(folder / "matches.parquet", matches, MATCHES)
        write_judgements(folder / "judgements.parquet", judgements)


if __name__ == "__main__":
    stage.run(
        main,
        __file__,
        inputs=["preferences"],
        many=["stories"],
        optional=["model"],
        options=["endpoint", "answers"],
        seed=True,
    )

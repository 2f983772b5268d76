"""A judge compares the stories of the win-rate table's policies, two by two and in both orders."""

from rlcs.data.artifacts import JUDGEMENTS_FILE, MATCHES_FILE, STORIES_FILE
from rlcs.data.matches import matches_of, pairs_of, texts_of, thinned
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.stages.stage import ACCESS, Stage, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    stories = texts_of(STORIES_FILE.read(*stage.folders("stories")))
    matches = matches_of(stories, stage.config["policies"])
    if few := stage.config.get("few"):
        matches = thinned(matches, few["but"], few["contexts"])
    pairs = pairs_of(matches, stories)
    with stage.artifact() as folder:
        judge = load_judge(stage.config, stage.optional_folder("model"), Access.of(stage.options))
        judgements = judge_in_shards(judge, preferences.comparisons(pairs), stage.checkpoints())
        MATCHES_FILE.write(folder, matches)
        JUDGEMENTS_FILE.write(folder, judgements)


if __name__ == "__main__":
    run_stage(
        main, __file__, inputs={"preferences": 1, "stories": "+", "model": "?"}, options=ACCESS, seed=True
    )

"""A GenRM writes its own analyses of the training pairs, in both orders; other judges learn from them."""

from rlcs.config.training import TrainingPairsConfig
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.generative import EveryAnswer, GenerativeJudge
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.stages.stage import ACCESS, Stage, log, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    chosen = TrainingPairsConfig.model_validate(stage.config["pairs"])
    pairs = preferences.training_pairs(chosen, stage.folders("consensus"), seed=stage.seed)
    with stage.artifact() as folder:
        judge = load_judge(stage.config, stage.folder("model"), Access.of(stage.options))
        assert isinstance(judge, GenerativeJudge), judge.name
        analyses = judge_in_shards(EveryAnswer(judge), preferences.comparisons(pairs), stage.checkpoints())
        JUDGEMENTS_FILE.write(folder, analyses)
        unread = sum(analysis.verdict == "none" for analysis in analyses)
        log.info("%d analyses of %d pairs, %d of them cannot be read", len(analyses), len(pairs), unread)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "consensus": "*"},
        options=ACCESS,
        seed=True,
    )

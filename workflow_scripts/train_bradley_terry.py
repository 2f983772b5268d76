"""Bradley-Terry baseline: a linear probe or TRL's RewardTrainer, on the same pairs and base."""

from rlcs.config.trained_judges import ScalarJudgeConfig
from rlcs.data.preferences import Preferences
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.bradley_terry import RewardTraining
from rlcs.training.examples import decided_pairs, preference_examples


def main(stage: Stage) -> None:
    entry = ScalarJudgeConfig.model_validate(stage.config["judge"])
    preferences, base = Preferences(stage.folder("preferences")), stage.folder("base") / "model"
    training = preferences.training_pairs(entry, stage.folders("consensus"), seed=stage.seed)
    decided = decided_pairs(training)
    examples, validation = (
        preference_examples(pairs, preferences.contexts, stage.config["writing"]["template"])
        for pairs in (decided, preferences.pairs("validation"))
    )
    groups = [str(pair["context_id"]) for pair in decided]
    RewardTraining(stage, entry, base, examples, groups, validation).publish()


if __name__ == "__main__":
    run_stage(
        main, __file__, inputs={"preferences": 1, "base": 1, "consensus": "*"}, seed=True, launch=run_workers
    )

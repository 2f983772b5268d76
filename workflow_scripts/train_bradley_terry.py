"""Bradley-Terry baseline: a linear probe or TRL's RewardTrainer, on the same pairs and base."""

from __future__ import annotations

from rlcs import errors
from rlcs.config.judges import ScalarJudgeConfig
from rlcs.data.preferences import read_training_pairs
from rlcs.records import read_contexts
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.bradley_terry import RewardTraining
from rlcs.training.examples import preference_examples


def main(stage: Stage) -> None:
    entry = ScalarJudgeConfig.model_validate(stage.config["judge"])
    preferences, base = stage.folder("preferences"), stage.folder("base") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    training = read_training_pairs(preferences, stage.folders("consensus"), contexts, entry.label_sources)
    decided = [pair for pair in training if pair["label"] != "tie"]
    if not decided:
        raise errors.InputError(
            f"{len(training)} training pairs, and all are ties: there is nothing to learn"
        )
    examples = preference_examples(decided, contexts, stage.config["writing"]["template"])
    RewardTraining(stage, entry, base, examples, [str(pair["context_id"]) for pair in decided]).publish()


if __name__ == "__main__":
    run_stage(
        main, __file__, inputs={"preferences": 1, "base": 1, "consensus": "*"}, seed=True, launch=run_workers
    )

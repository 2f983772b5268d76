"""Policy DPO: a policy learns to prefer the preferred story of each training pair, without a judge."""

from rlcs.config.policies import DPOPolicyConfig
from rlcs.data.preferences import Preferences
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.dpo import train_dpo
from rlcs.training.examples import decided_pairs, preference_examples


def main(stage: Stage) -> None:
    entry = DPOPolicyConfig.model_validate(stage.config["policy"])
    preferences, start = Preferences(stage.folder("preferences")), stage.folder("model") / "model"
    training = preferences.training_pairs(entry, stage.folders("consensus"), seed=stage.seed)
    examples = preference_examples(
        decided_pairs(training), preferences.contexts, stage.config["writing"]["template"]
    )
    train_dpo(stage, start, entry.training, entry.lora, examples, entry.dtype)


if __name__ == "__main__":
    run_stage(
        main, __file__, inputs={"preferences": 1, "model": 1, "consensus": "*"}, seed=True, launch=run_workers
    )

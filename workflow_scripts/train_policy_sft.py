"""Policy SFT: a base model learns the preferred stories of the training pairs."""

from rlcs.config.policies import SFTPolicyConfig
from rlcs.data.preferences import Preferences
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.examples import demonstration_examples
from rlcs.training.sft import train_sft


def main(stage: Stage) -> None:
    entry = SFTPolicyConfig.model_validate(stage.config["policy"])
    preferences, base = Preferences(stage.folder("preferences")), stage.folder("base") / "model"
    template = stage.config["writing"]["template"]
    examples = demonstration_examples(preferences.pairs("train"), preferences.contexts, template)
    train_sft(stage, base, entry.training, entry.lora, examples, dtype=entry.dtype)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "base": 1}, seed=True, launch=run_workers)

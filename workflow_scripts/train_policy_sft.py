"""Policy SFT: a base model learns the preferred stories of the training pairs."""

from __future__ import annotations

from rlcs.config.policies import SFTPolicyConfig
from rlcs.data.preferences import pairs_of_split
from rlcs.records import PAIRS, read_contexts, read_rows
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.examples import demonstration_examples
from rlcs.training.sft import train_sft


def main(stage: Stage) -> None:
    entry = SFTPolicyConfig.model_validate(stage.config["policy"])
    preferences, base = stage.folder("preferences"), stage.folder("base") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    training = pairs_of_split(pairs, contexts, "train")
    examples = demonstration_examples(training, contexts, stage.config["writing"]["template"])
    train_sft(stage, base, entry.training, entry.lora, examples)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "base": 1}, seed=True, launch=run_workers)

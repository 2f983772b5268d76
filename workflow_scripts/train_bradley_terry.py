"""The Bradley-Terry baseline: TRL's RewardTrainer on the same pairs, from the same base."""

from __future__ import annotations

from datasets import Dataset
from trl import RewardConfig, RewardTrainer

from rlcs import stage
from rlcs.examples import preference_examples
from rlcs.judge_entries import BradleyTerryJudge
from rlcs.lora import adapter_config
from rlcs.models import load_scalar, load_tokenizer
from rlcs.records import read_contexts, read_training_pairs
from rlcs.training import build_options, train


def main(this: stage.Stage) -> None:
    entry = BradleyTerryJudge.model_validate(this.config["judge"])
    preferences, base = this.folder("preferences"), this.folder("base") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    training = read_training_pairs(preferences, this.folders("consensus"), contexts, entry.pairs)
    examples = preference_examples(training, contexts, this.config["writing"]["template"])

    def trainer(scratch: str) -> RewardTrainer:
        return RewardTrainer(
            model=load_scalar(base),
            args=build_options(
                RewardConfig, this.config["training"], entry.training, seed=this.seed, output_dir=scratch
            ),
            train_dataset=Dataset.from_list(examples),
            processing_class=load_tokenizer(base),
            peft_config=adapter_config(entry.lora, "SEQ_CLS"),
        )

    train(this, trainer)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "base"], optional=["consensus"], seed=True)

"""Policy SFT: a base model learns the preferred stories of the training pairs."""

from __future__ import annotations

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from rlcs import stage
from rlcs.entries import SFTPolicy
from rlcs.examples import demonstration_examples
from rlcs.models import load_causal, load_tokenizer
from rlcs.records import PAIRS, read_contexts, read_rows
from rlcs.training import build_options, train


def main(this: stage.Stage) -> None:
    entry = SFTPolicy.model_validate(this.config["policy"])
    preferences, base = this.folder("preferences"), this.folder("base") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    training = [pair for pair in pairs if contexts[pair["context_id"]].split == "train"]
    examples = demonstration_examples(training, contexts, this.config["writing"]["template"])

    def trainer(scratch: str) -> SFTTrainer:
        return SFTTrainer(
            model=load_causal(base),
            args=build_options(
                SFTConfig, this.config["training"], entry.training, seed=this.seed, output_dir=scratch
            ),
            train_dataset=Dataset.from_list(examples),
            processing_class=load_tokenizer(base),
        )

    train(this, trainer)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "base"], seed=True)

"""Policy SFT: a base model learns the preferred stories of the training pairs."""

from __future__ import annotations

from rlcs import stage
from rlcs.entries import SFTPolicy
from rlcs.examples import demonstration_examples
from rlcs.launch import run_workers
from rlcs.records import PAIRS, pairs_of_split, read_contexts, read_rows
from rlcs.sft import train_sft


def main(this: stage.Stage) -> None:
    entry = SFTPolicy.model_validate(this.config["policy"])
    preferences, base = this.folder("preferences"), this.folder("base") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    training = pairs_of_split(pairs, contexts, "train")
    examples = demonstration_examples(training, contexts, this.config["writing"]["template"])
    train_sft(this, base, entry.training, entry.lora, examples)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "base"], seed=True, launch=run_workers)

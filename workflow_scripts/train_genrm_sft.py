"""GenRM SFT: a base model learns a teacher's chains, or scores from the labels."""

from __future__ import annotations

from rlcs import stage
from rlcs.examples import Example, chain_examples, label_examples
from rlcs.judge_entries import GenrmSFTJudge, Judging
from rlcs.records import PAIRS, comparisons_of, pairs_of_split, read_contexts, read_judgements, read_rows
from rlcs.sft import train_sft

# What the stage that an entry learns from calls its judgements.
FILES = {"filtered": "chains.parquet", "unfiltered": "judgements.parquet"}


def main(this: stage.Stage) -> None:
    entry = GenrmSFTJudge.model_validate(this.config["judge"])
    train_sft(this, this.folder("base") / "model", entry.training, entry.lora, examples(this, entry))


def examples(this: stage.Stage, entry: GenrmSFTJudge) -> list[Example]:
    judging = Judging.model_validate(this.config["judging"])
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    pairs = read_rows(this.folder("preferences") / "pairs.parquet", PAIRS)
    if entry.teacher is None:
        training = pairs_of_split(pairs, contexts, "train")
        labels = {pair["pair_id"]: pair["label"] for pair in training}
        return label_examples(comparisons_of(training, contexts), labels, judging)
    chains = read_judgements(this.folder("chains") / FILES[entry.chains])
    judged = {chain.pair_id for chain in chains}
    comparisons = comparisons_of([pair for pair in pairs if pair["pair_id"] in judged], contexts)
    return chain_examples(comparisons, chains, judging, analysis=entry.analysis)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "base"], optional=["chains"], seed=True)

"""GenRM SFT: a base model learns the teacher's chains that the consistency filter kept."""

from __future__ import annotations

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from rlcs import stage
from rlcs.examples import chain_examples
from rlcs.judge_entries import GenrmSFTJudge, Judging
from rlcs.models import load_causal, load_tokenizer
from rlcs.records import PAIRS, comparisons_of, read_contexts, read_judgements, read_rows
from rlcs.training import build_options, train


def main(this: stage.Stage) -> None:
    entry = GenrmSFTJudge.model_validate(this.config["judge"])
    judging = Judging.model_validate(this.config["judging"])
    preferences, base = this.folder("preferences"), this.folder("base") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    chains = read_judgements(this.folder("chains") / "chains.parquet")
    kept = {chain.pair_id for chain in chains}
    pairs = [p for p in read_rows(preferences / "pairs.parquet", PAIRS) if p["pair_id"] in kept]
    examples = chain_examples(comparisons_of(pairs, contexts), chains, judging)

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
    stage.run(main, __file__, inputs=["preferences", "chains", "base"], seed=True)

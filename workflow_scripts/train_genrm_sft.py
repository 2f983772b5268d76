"""GenRM SFT: a base model learns the teacher's chains that the consistency filter kept."""

from __future__ import annotations

from rlcs import stage
from rlcs.examples import chain_examples
from rlcs.judge_entries import GenrmSFTJudge, Judging
from rlcs.records import PAIRS, comparisons_of, read_contexts, read_judgements, read_rows
from rlcs.sft import train_sft


def main(this: stage.Stage) -> None:
    entry = GenrmSFTJudge.model_validate(this.config["judge"])
    judging = Judging.model_validate(this.config["judging"])
    preferences, base = this.folder("preferences"), this.folder("base") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    chains = read_judgements(this.folder("chains") / "chains.parquet")
    kept = {chain.pair_id for chain in chains}
    pairs = [p for p in read_rows(preferences / "pairs.parquet", PAIRS) if p["pair_id"] in kept]
    examples = chain_examples(comparisons_of(pairs, contexts), chains, judging)
    train_sft(this, base, entry.training, examples)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "chains", "base"], seed=True)

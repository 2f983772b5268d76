"""GenRM SFT: a base model learns a teacher's chains, those of a consensus, or scores from the labels."""

from __future__ import annotations

from rlcs.config.judges import GenrmSFTConfig
from rlcs.config.judging import JudgingConfig
from rlcs.data.preferences import comparisons_of, read_training_pairs
from rlcs.records import read_contexts, read_judgements
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.examples import TrainingExample, chain_examples, label_examples
from rlcs.training.sft import train_sft

# File of the chains in the artifact that an entry learns from.
FILES = {"filtered": "chains.parquet", "unfiltered": "judgements.parquet"}


def main(stage: Stage) -> None:
    entry = GenrmSFTConfig.model_validate(stage.config["judge"])
    base = stage.folder("base") / "model"
    train_sft(
        stage,
        base,
        entry.training,
        entry.lora,
        make_examples(stage, entry),
        entry.early_stopping,
        shuffle=entry.teacher is not None,
    )


def make_examples(stage: Stage, entry: GenrmSFTConfig) -> list[TrainingExample]:
    """Make the examples of the entry: from labels without a teacher, from its chains with one."""
    judging = JudgingConfig.model_validate(stage.config["judging"])
    preferences, consensus = stage.folder("preferences"), stage.folders("consensus")
    contexts = read_contexts(preferences / "contexts.parquet")
    training = read_training_pairs(preferences, consensus, contexts, entry.label_sources)
    comparisons = comparisons_of(training, contexts)
    labels = {pair["pair_id"]: pair["label"] for pair in training}
    if entry.teacher is None:
        return label_examples(comparisons, labels, judging, seed=stage.seed)
    files = [folder / FILES[entry.chains] for folder in stage.folders("chains")]
    files += [folder / "chains.parquet" for folder in consensus]
    read = [chain for file in files for chain in read_judgements(file) if chain.judge == entry.teacher]
    # once if two sources have the same pair, and none of pairs that only others train on
    chains = {(chain.pair_id, chain.order): chain for chain in read if chain.pair_id in labels}
    return chain_examples(comparisons, list(chains.values()), judging, analysis=entry.analysis)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "base": 1, "chains": "?", "consensus": "*"},
        seed=True,
        launch=run_workers,
    )

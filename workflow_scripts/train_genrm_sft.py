"""GenRM SFT: a base model learns a teacher's chains, those of a consensus, or scores from the labels."""

from rlcs.config.judging import JudgingConfig
from rlcs.config.trained_judges import GenrmSFTConfig
from rlcs.data.artifacts import CHAINS_FILE, JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences
from rlcs.errors import InputError
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.examples import TrainingExample, chain_examples, label_examples
from rlcs.training.sft import train_sft

FILES = {"filtered": CHAINS_FILE, "unfiltered": JUDGEMENTS_FILE}  # by the chains that an entry learns


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
        dtype=entry.dtype,
    )


def make_examples(stage: Stage, entry: GenrmSFTConfig) -> list[TrainingExample]:
    """Make the examples of the entry: from labels without a teacher, from its chains with one.

    Raises:
        InputError: no chain is of a training pair and can be read.
    """
    judging = JudgingConfig.model_validate(stage.config["judging"])
    preferences, consensus = Preferences(stage.folder("preferences")), stage.folders("consensus")
    training = preferences.training_pairs(entry, consensus, seed=stage.seed)
    comparisons = preferences.comparisons(training)
    labels = {pair["pair_id"]: pair["label"] for pair in training}
    if entry.teacher is None:
        return label_examples(comparisons, labels, judging, seed=stage.seed, reads=entry.reads)
    available = FILES[entry.chains].read(*stage.folders("chains")) + CHAINS_FILE.read(*consensus)
    # each chain once if two sources have the same pair, and no chain of pairs that only others train on
    chains = {
        (chain.pair_id, chain.order): chain
        for chain in available
        if chain.judge == entry.teacher and chain.pair_id in labels
    }
    examples = chain_examples(
        comparisons, list(chains.values()), judging, analysis=entry.analysis, reads=entry.reads
    )
    if not examples:
        raise InputError(
            f"teacher {entry.teacher!r} leaves none of {len(training)} pairs: {len(chains)} of its chains "
            "are of these pairs, and none of them could be read; there is nothing to learn"
        )
    return examples


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "base": 1, "chains": "?", "consensus": "*"},
        seed=True,
        launch=run_workers,
    )

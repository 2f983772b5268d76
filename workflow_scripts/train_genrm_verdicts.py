"""GenRM verdict SFT: the model learns the labels' verdicts on its own analyses of the training pairs."""

from functools import partial
from pathlib import Path

from rlcs.config.judging import JudgingConfig
from rlcs.config.trained_judges import TRAINER_BATCH_SIZE, GenrmVerdictsConfig
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences, decided
from rlcs.errors import InputError
from rlcs.models.loading import load_tokenizer
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, log, run_stage
from rlcs.training.examples import drawn_labels, relabelled_examples
from rlcs.training.keep_better import JudgeAccuracy, keep_better
from rlcs.training.sft import train_sft
from rlcs.training.verdicts import VerdictTrainer


def main(stage: Stage) -> None:
    entry = GenrmVerdictsConfig.model_validate(stage.config["judge"])
    judging = JudgingConfig.model_validate(stage.config["judging"])
    preferences = Preferences(stage.folder("preferences"))
    pairs = preferences.training_pairs(entry, stage.folders("consensus"), seed=stage.seed)
    analyses = JUDGEMENTS_FILE.read(stage.folder("analyses"))
    labels = {
        pair["pair_id"]: drawn_labels(pair, entry.samples, soft=entry.soft_labels, seed=stage.seed)
        for pair in pairs
    }
    examples = relabelled_examples(
        preferences.comparisons(pairs), analyses, labels, judging, seed=stage.seed, reads=entry.reads
    )
    if not examples:
        raise InputError(
            f"none of {len(analyses)} analyses has a partner in the other order that ends in a score line: "
            f"{entry.parent or entry.base} must write analyses that can be read"
        )
    start, tokenizer = stage.folder("model"), load_tokenizer(stage.folder("model") / "model")
    longest = max(len(tokenizer(e["completion"][-1]["content"])["input_ids"]) for e in examples)

    def choose(folder: Path) -> None:
        if entry.keep_better is not None:
            validation = decided(preferences.pairs("validation"))
            accuracy = JudgeAccuracy(
                *preferences.questions(validation, entry.keep_better.pairs, stage.seed),
                judging,
                tokenizer,
                max_new_tokens=2 * longest,
                batch_size=entry.training.get("per_device_train_batch_size", TRAINER_BATCH_SIZE),
                reads=entry.reads,
            )
            keep_better(start, folder, accuracy)

    log.info("%d of %d analyses are learned, with the labels' scores", len(examples), len(analyses))
    train_sft(
        stage,
        start / "model",
        entry.training,
        entry.lora,
        examples,
        entry.early_stopping,
        shuffle=False,
        trainer_class=partial(
            VerdictTrainer,
            scores=judging.scores,
            analysis_weight=entry.analysis_weight,
            score_weight=entry.score_weight,
            reads=entry.reads,
        ),
        choose=choose,
        dtype=entry.dtype,
    )


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "analyses": 1, "consensus": "*"},
        seed=True,
        launch=run_workers,
    )

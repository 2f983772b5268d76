"""Probe of a GenRM: a linear head on its analyses of the training pairs; its weights stay as they are."""

import json
import shutil

from rlcs.config.judging import JudgingConfig
from rlcs.config.trained_judges import GenrmProbeConfig
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences, decided
from rlcs.errors import InputError
from rlcs.records import ORDERS
from rlcs.stages.links import link_weights
from rlcs.stages.stage import Stage, log, run_stage
from rlcs.training.analysis_differences import analysis_features, preferred_differences
from rlcs.training.linear_probe import CROSS_VALIDATION, select_probe, split_folds


def main(stage: Stage) -> None:
    entry = GenrmProbeConfig.model_validate(stage.config["judge"])
    judging = JudgingConfig.model_validate(stage.config["judging"])
    preferences, start = Preferences(stage.folder("preferences")), stage.folder("model") / "model"
    training = preferences.training_pairs(entry, stage.folders("consensus"), seed=stage.seed)
    analyses = {
        (judgement.pair_id, judgement.order): judgement.analysis
        for judgement in JUDGEMENTS_FILE.read(stage.folder("analyses"))
        if judgement.analysis
    }
    pairs = [
        pair for pair in decided(training) if all((pair["pair_id"], order) in analyses for order in ORDERS)
    ]
    log.info("%d of %d pairs are decided and have an analysis in both orders", len(pairs), len(training))
    if not pairs:
        raise InputError(
            f"none of {len(training)} training pairs is decided and has an analysis that can be read in both "
            f"orders: {entry.parent or entry.base} must write text before its score line"
        )
    comparisons = preferences.comparisons(pairs)
    with stage.artifact() as folder:
        features = analysis_features(
            entry.features,
            start,
            [judging.prompt(comparison) for comparison in comparisons],
            [analyses[comparison.pair_id, comparison.order] for comparison in comparisons],
        )
        probe, result = select_probe(
            preferred_differences(features, [pair["label"] for pair in pairs]),
            split_folds([pair["context_id"] for pair in pairs], entry.folds, stage.seed),
        )
        log.info("cross-validation: %s, of %d pairs", json.dumps(result), len(pairs))
        shutil.copytree(start, folder / "model", copy_function=link_weights)
        probe.save(folder / "model")
        said = json.dumps({"pairs": len(pairs), **result}, indent=2)
        (folder / CROSS_VALIDATION).write_text(f"{said}\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "analyses": 1, "consensus": "*"},
        seed=True,
    )

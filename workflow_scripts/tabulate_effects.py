"""The claims of the papers as measured effects, over seeds and contexts."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rlcs.config.tables import EffectConfig
from rlcs.evaluation.effects import Evidence, PolicyEvidence, effects_table
from rlcs.evaluation.judgements import read_judged
from rlcs.records import HISTORY, MATCHES, PAIRS, STORIES, read_contexts, read_judgements, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage

Rows = list[dict[str, Any]]
JUDGE_INPUTS, POLICY_INPUTS = ("judgements", "train_judgements", "chains"), ("stories", "matches", "policies")
SEED = 0  # of the bootstrap


def main(stage: Stage) -> None:
    effects = [EffectConfig.model_validate(effect) for effect in stage.config["effects"]]
    pairs = read_rows(stage.folder("preferences") / "pairs.parquet", PAIRS)
    chains = [read_judgements(folder / "chains.parquet") for folder in stage.folders("chains")]
    evidence = Evidence(
        judged=read_judged(stage.folders("judgements"), stage.config["judges"]),
        train_judged=read_judged(stage.folders("train_judgements"), stage.config["teachers"]),
        filtered={kept[0].judge: frozenset(chain.pair_id for chain in kept) for kept in chains},
        labels={pair["pair_id"]: pair["label"] for pair in pairs},
        contexts={pair["pair_id"]: str(pair["context_id"]) for pair in pairs},
        policies=policy_evidence(stage),
    )
    with stage.artifact() as folder:
        frame = effects_table(effects, evidence, seed=SEED)
        write_table(frame, folder, "effects", TABLES["effects"].text, stage.config["synthetic"])


def policy_evidence(stage: Stage) -> PolicyEvidence:
    """Read the stories, matches and histories that the effects need."""
    stories: dict[str, dict[int, Rows]] = defaultdict(dict)
    for folder in stage.folders("stories"):
        provenance = read_provenance(folder)
        stories[provenance["config"]["policy"]][provenance["seed"]] = read_rows(
            folder / "stories.parquet", STORIES
        )
    histories: dict[str, dict[int, Rows]] = defaultdict(dict)
    for folder in stage.folders("policies"):
        histories[folder.parent.name][read_provenance(folder)["seed"]] = read_rows(
            folder / "history.parquet", HISTORY
        )
    matches, judge = stage.folders("matches"), stage.config["match_judge"]
    return PolicyEvidence(
        stories=stories,
        contexts=read_contexts(stage.folder("preferences") / "contexts.parquet"),
        matches=read_rows(matches[0] / "matches.parquet", MATCHES) if matches else (),
        judged=read_judged(matches, [judge])[judge] if matches else {},
        histories=histories,
    )


if __name__ == "__main__":
    run_stage(
        main, __file__, inputs={"preferences": 1, **dict.fromkeys((*JUDGE_INPUTS, *POLICY_INPUTS), "*")}
    )

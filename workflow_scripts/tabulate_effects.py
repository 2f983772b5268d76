"""The claims of the papers as measured effects, over seeds and contexts."""

from collections import defaultdict
from typing import Any

from rlcs.config.tables import EffectConfig
from rlcs.data.artifacts import CHAINS_FILE, HISTORY_FILE, MATCHES_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.effects import Evidence, PolicyEvidence, effects_table
from rlcs.evaluation.judgements import read_judged, stories_by_seed
from rlcs.report.formatting import write_tables
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage

Rows = list[dict[str, Any]]
JUDGE_INPUTS, POLICY_INPUTS = ("judgements", "train_judgements", "chains"), ("stories", "matches", "policies")


def main(stage: Stage) -> None:
    effects = [EffectConfig.model_validate(effect) for effect in stage.config["effects"]]
    preferences = Preferences(stage.folder("preferences"))
    chains = [CHAINS_FILE.read(folder) for folder in stage.folders("chains")]
    evidence = Evidence(
        judged=read_judged(stage.folders("judgements"), stage.config["judges"]),
        train_judged=read_judged(stage.folders("train_judgements"), stage.config["teachers"]),
        filtered={kept[0].judge: frozenset(chain.pair_id for chain in kept) for kept in chains},
        labels=preferences.labels,
        contexts=preferences.context_ids,
        policies=policy_evidence(stage, preferences),
    )
    with stage.artifact() as folder:
        frame = effects_table(effects, evidence, seed=stage.seed)
        write_tables({"effects": frame}, folder, stage.config["synthetic"])


def policy_evidence(stage: Stage, preferences: Preferences) -> PolicyEvidence:
    """Stories, matches and histories, as far as the effects ask for them."""
    histories: dict[str, dict[int, Rows]] = defaultdict(dict)
    for folder in stage.folders("policies"):
        histories[folder.parent.name][read_provenance(folder)["seed"]] = HISTORY_FILE.read(folder)
    matches, judge = stage.folders("matches"), stage.config["match_judge"]
    return PolicyEvidence(
        stories=stories_by_seed(stage.folders("stories")),
        contexts=preferences.contexts,
        matches=MATCHES_FILE.read(matches[0]) if matches else (),
        judged=read_judged(matches, [judge], stage.config["probability"])[judge] if matches else {},
        histories=histories,
    )


if __name__ == "__main__":
    run_stage(
        main, __file__, inputs={"preferences": 1, **dict.fromkeys((*JUDGE_INPUTS, *POLICY_INPUTS), "*")}
    )

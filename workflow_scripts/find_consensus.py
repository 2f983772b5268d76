"""Consensus pairs: unlabelled pairs with a label that several teachers agree on, and an audit's evidence."""

from collections import Counter
from typing import Any

from rlcs.config.data import ConsensusConfig
from rlcs.data.artifacts import AUDIT_FILE, CHAINS_FILE, JUDGEMENTS_FILE, PAIRS_FILE
from rlcs.data.preferences import Preferences
from rlcs.data.votes import soft_label
from rlcs.errors import InputError
from rlcs.judging.consensus import CONSENSUS_OUTCOMES, consensus_chains, find_consensus
from rlcs.records import CONSENSUS
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    entry = ConsensusConfig.model_validate(stage.config["consensus"])
    preferences = Preferences(stage.folder("preferences"))
    judgements = {
        teacher: JUDGEMENTS_FILE.read(folder)
        for teacher, folder in zip(entry.teachers, stage.folders("judgements"), strict=True)
    }

    def label(rows: list[dict[str, Any]], description: str) -> list[dict[str, Any]]:
        """Return the pairs that the teachers agree on, with that label."""
        pairs = {pair["pair_id"]: pair for pair in rows}
        results = find_consensus(judgements, pairs, entry.agree)
        counts = Counter(result.outcome for result in results.values())
        outcomes = ", ".join(f"{counts[outcome]} {outcome}" for outcome in CONSENSUS_OUTCOMES)
        log.info("%d pairs %s: %s", len(pairs), description, outcomes)
        return [
            pairs[pair_id]
            | {"label": result.label, "soft_label": soft_label([result.label]), "source": CONSENSUS}
            | {"annotator": None, "cohort": None}
            for pair_id, result in results.items()
            if result.label is not None
        ]

    with stage.artifact() as folder:
        audited = label(preferences.pairs("train"), "with a human label")
        pairs = label(preferences.unlabelled("train"), "without a label")
        if not pairs:
            raise InputError(
                f"teachers {', '.join(entry.teachers)} agree on none of {len(preferences.unlabelled())} "
                f"unlabelled pairs: there is nothing to add"
            )
        PAIRS_FILE.write(folder, pairs)
        AUDIT_FILE.write(folder, audited)
        CHAINS_FILE.write(folder, consensus_chains(judgements, {pair["pair_id"] for pair in pairs}))


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

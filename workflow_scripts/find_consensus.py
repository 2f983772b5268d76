"""Consensus pairs: unlabelled pairs with a label that teachers give them, and an audit's evidence."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from rlcs.config.data import ConsensusConfig
from rlcs.data.artifacts import AUDIT_FILE, CHAINS_FILE, JUDGEMENTS_FILE, PAIRS_FILE
from rlcs.data.preferences import Preferences
from rlcs.data.votes import soft_label
from rlcs.errors import InputError
from rlcs.judging.consensus import (
    CONSENSUS_OUTCOMES,
    consensus_chains,
    find_consensus,
    likelier_label,
    mean_probabilities,
)
from rlcs.records import CONSENSUS, Label
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    entry = ConsensusConfig.model_validate(stage.config["consensus"])
    preferences = Preferences(stage.folder("preferences"))
    judgements = {
        teacher: JUDGEMENTS_FILE.read(folder)
        for teacher, folder in zip(entry.teachers, stage.folders("judgements"), strict=True)
    }

    known = mean_probabilities(judgements) if entry.labels == "probability" else {}

    def agreed(pairs: Collection[str], description: str) -> dict[str, tuple[Label, float]]:
        """The label that the teachers agree on, by pair, and the same as p of story a."""
        results = find_consensus(judgements, pairs, entry.agree)
        counts = Counter(result.outcome for result in results.values())
        outcomes = ", ".join(f"{counts[outcome]} {outcome}" for outcome in CONSENSUS_OUTCOMES)
        log.info("%d pairs %s: %s", len(pairs), description, outcomes)
        labels = {pair: result.label for pair, result in results.items()}
        return {pair: (label, soft_label([label])) for pair, label in labels.items() if label is not None}

    def likelier(pairs: Collection[str], description: str) -> dict[str, tuple[Label, float]]:
        """The label of the story that is likelier to be better, by pair, and the teachers' p of story a."""
        found = {pair: (likelier_label(known[pair]), known[pair]) for pair in pairs if pair in known}
        log.info("%d pairs %s: %d have a probability", len(pairs), description, len(found))
        return found

    def label(rows: list[dict[str, Any]], description: str) -> list[dict[str, Any]]:
        """Return the pairs that the teachers label, with that label."""
        pairs = {pair["pair_id"]: pair for pair in rows}
        labels = {"verdicts": agreed, "probability": likelier}[entry.labels](pairs, description)
        return [
            pairs[pair_id]
            | {"label": label, "soft_label": soft, "source": CONSENSUS, "annotator": None, "cohort": None}
            for pair_id, (label, soft) in labels.items()
        ]

    with stage.artifact() as folder:
        audited = label(preferences.pairs("train"), "with a human label")
        pairs = label(preferences.unlabelled("train"), "without a label")
        if not pairs:
            done = {"verdicts": "agree on", "probability": "have a probability for"}[entry.labels]
            raise InputError(
                f"teachers {', '.join(entry.teachers)} {done} none of {len(preferences.unlabelled())} "
                f"unlabelled pairs: there is nothing to add"
            )
        PAIRS_FILE.write(folder, pairs)
        AUDIT_FILE.write(folder, audited)
        chosen = {pair["pair_id"] for pair in pairs} if entry.labels == "verdicts" else set()
        CHAINS_FILE.write(folder, consensus_chains(judgements, chosen))


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

"""Consensus pairs: unlabelled pairs with a label that several teachers agree on, and an audit's evidence."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rlcs import errors
from rlcs.config.judges import ConsensusConfig
from rlcs.data.preferences import pairs_of_split
from rlcs.data.votes import soft_label
from rlcs.judging.consensus import OUTCOMES, consensus_chains, find_consensus
from rlcs.records import (
    CONSENSUS,
    PAIRS,
    UNLABELLED,
    read_contexts,
    read_judgements,
    read_rows,
    write_judgements,
    write_rows,
)
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    entry = ConsensusConfig.model_validate(stage.config["consensus"])
    preferences = stage.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    said = {
        teacher: read_judgements(folder / "judgements.parquet")
        for teacher, folder in zip(entry.teachers, stage.folders("judgements"), strict=True)
    }

    def labelled(rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
        """The training pairs that the teachers agree on, with that label."""
        pairs = {pair["pair_id"]: pair for pair in pairs_of_split(rows, contexts, "train")}
        found = find_consensus(said, pairs, entry.agree)
        counts = Counter(one.outcome for one in found.values())
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
        log.info("%d pairs %s: %s", len(pairs), what, told)
        return [
            pairs[name]
            | {"label": one.label, "soft_label": soft_label([one.label]), "source": CONSENSUS}
            | {"annotator": None, "cohort": None}
            for name, one in found.items()
            if one.label is not None
        ]

    with stage.artifact() as folder:
        audited = labelled(read_rows(preferences / "pairs.parquet", PAIRS), "with a human label")
        unlabelled = read_rows(preferences / "unlabelled.parquet", UNLABELLED)
        pairs = labelled(unlabelled, "without a label")
        if not pairs:
            raise errors.InputError(
                f"teachers {', '.join(entry.teachers)} agree on none of {len(unlabelled)} unlabelled pairs: "
                f"there is nothing to add"
            )
        write_rows(folder / "pairs.parquet", pairs, PAIRS)
        write_rows(folder / "audit.parquet", audited, PAIRS)
        write_judgements(folder / "chains.parquet", consensus_chains(said, {p["pair_id"] for p in pairs}))


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

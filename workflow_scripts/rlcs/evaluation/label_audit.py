"""Audit of consensus labels: agreement with human labels, and biases to length and position.

The consensus stands beside each of its teachers alone (on the pairs where the teacher agrees with itself), so
the table shows the gain from several teachers ("The GenRM" in docs/method.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rlcs import verdict
from rlcs.evaluation import baselines
from rlcs.evaluation.statistics import Estimate, estimate_difference, estimate_mean
from rlcs.judging.consistency import FILTER_OUTCOMES
from rlcs.judging.credits import first_position_share
from rlcs.records import Context, Judgement, Label, Row, Verdict

Labels = Mapping[str, Label]
"""Pair id -> label."""


def audit_table(
    systems: Mapping[str, Labels],
    judgements: Mapping[str, Sequence[Judgement]],
    labelled: Sequence[Row],
    unlabelled: Sequence[Row],
    contexts: Mapping[str, Context],
    *,
    seed: int,
) -> pd.DataFrame:
    """Audit each system's labels: on human-labelled pairs, also by domain and source, and on unlabelled ones.

    Args:
        systems: the labels of a consensus or of one teacher, on pairs of both kinds; in the table's order.
        judgements: of the systems that are teachers, for their bias to the story shown first.
        labelled: training rows of PAIRS.
        unlabelled: training rows of UNLABELLED.
        seed: of the bootstrap over contexts and the paired test.

    Returns:
        Columns as ``columns.COLUMNS`` explains them. Tied labels are left out of every share; if the
        system ties and the human does not, the agreement is one half.
    """
    domains = {pair["pair_id"]: contexts[pair["context_id"]].domain for pair in labelled}
    sources = {pair["pair_id"]: str(pair["source"]) for pair in labelled}
    groups = [("human labels", "all", labelled)]
    for by, group_of in (("domain", domains), ("source", sources)):
        for group in sorted(set(group_of.values())):
            inside = [pair for pair in labelled if group_of[pair["pair_id"]] == group]
            groups.append((by, group, inside))
    groups.append(("no label", "all", unlabelled))
    rows = [
        {"system": name, "by": by, "group": group, **_audit(labels, judgements.get(name, ()), pairs, seed)}
        for name, labels in systems.items()
        for by, group, pairs in groups
    ]
    return pd.DataFrame(rows, dtype=object)


def _audit(
    labels: Labels, judgements: Sequence[Judgement], pairs: Sequence[Row], seed: int
) -> dict[str, Any]:
    labelled = {pair["pair_id"]: pair for pair in pairs if pair["pair_id"] in labels}
    context_of = {name: str(pair["context_id"]) for name, pair in labelled.items()}
    human: dict[str, Label] = {name: pair["label"] for name, pair in labelled.items() if pair.get("label")}
    audited = {name: labels[name] for name in labelled}
    longer = baselines.length_verdicts(labelled.values(), "longer")
    first: dict[str, Verdict] = dict.fromkeys(labelled, "a")

    def credits(verdicts: Mapping[str, Verdict], labels: Labels) -> dict[str, float]:
        known = {name: verdict.credit(verdicts[name], label) for name, label in labels.items()}
        return {name: value for name, value in known.items() if value is not None}

    def mean(by_pair: Mapping[str, float]) -> Estimate:
        return estimate_mean(by_pair, context_of, seed)

    prefers_longer, human_prefers_longer = credits(longer, audited), credits(longer, human)
    names = {pair["pair_id"] for pair in pairs}
    return {
        "pairs": len(pairs),
        "labelled": len(labelled) / len(pairs) if pairs else None,
        "agreement": mean(credits(audited, human)) if human else None,
        "longer": mean(prefers_longer),
        "human_longer": mean(human_prefers_longer) if human else None,
        "longer_difference": estimate_difference(prefers_longer, human_prefers_longer, context_of, seed)
        if human
        else None,
        "story_a": mean(credits(first, audited)),
        "human_story_a": mean(credits(first, human)) if human else None,
        "first_share": first_position_share(j for j in judgements if j.pair_id in names),
    }


def filter_table(drops: pd.DataFrame) -> pd.DataFrame:
    """``consistency.drop_table`` for readers: pairs by outcome, and a sum if there are several rows."""
    groups = [str(name) for name in drops.columns[: drops.columns.tolist().index("n")]]
    rows = drops[[*groups, "n", *FILTER_OUTCOMES]].to_dict("records")
    if len(rows) > 1:
        rows.append({name: "all" if name in groups else drops[name].sum() for name in rows[0]})
    table = [
        {
            **{name: row[name] for name in groups},
            "pairs": row["n"],
            **{f"{outcome}_pairs": row[outcome] for outcome in FILTER_OUTCOMES},
            "kept_share": row["kept"] / row["n"],
        }
        for row in rows
    ]
    return pd.DataFrame(table, dtype=object)

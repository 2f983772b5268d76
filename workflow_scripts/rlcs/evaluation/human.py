"""The table of win rates by people, from the annotations of a blind sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from rlcs.data.blind_sheet import _sides
from rlcs.data.votes import krippendorff_alpha, mutual_credits, soft_label, votes_by_pair
from rlcs.evaluation.statistics import estimate_of
from rlcs.records import Row


def human_win_rate_table(
    votes: Sequence[Row], key: Iterable[Row], policies: Sequence[str], reference: str, *, seed: int
) -> pd.DataFrame:
    """Policies against the reference by people: all of them, and each cohort where there are several.

    A pair's result is the mean of its votes, a tie one half; intervals are over contexts.
    """
    match_of = {match["match_id"]: match for match in key}
    context_of = {name: str(match["context_id"]) for name, match in match_of.items()}
    cohorts = sorted({vote["cohort"] or "none" for vote in votes})
    rows = []
    for policy in policies:
        for cohort in ["all", *(cohorts if len(cohorts) > 1 else [])]:
            own = [
                vote
                for vote in votes
                if policy in _sides(match_of[vote["pair_id"]]) and cohort in ("all", vote["cohort"] or "none")
            ]
            if policy == reference or not own:
                continue
            for_a = {pair: soft_label(labels) for pair, labels in votes_by_pair(own).items()}
            won = {p: v if match_of[p]["policy_a"] == policy else 1 - v for p, v in for_a.items()}
            rows.append(
                {
                    "policy": policy,
                    "reference": reference,
                    "cohort": cohort,
                    "human_win_rate": estimate_of(won, context_of, seed),
                    "pairs": len(won),
                    "votes": len(own),
                    "annotators": len({vote["annotator"] for vote in own}),
                    "mutual": estimate_of(mutual_credits(own), context_of, seed),
                    "alpha": krippendorff_alpha(own),
                }
            )
    return pd.DataFrame(rows, dtype=object)

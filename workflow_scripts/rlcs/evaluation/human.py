"""Win rates by people, from the annotations of a blind sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from rlcs.data.votes import krippendorff_alpha, mutual_credits, soft_label, votes_by_pair
from rlcs.evaluation.judgements import wins
from rlcs.evaluation.statistics import bootstrap_mean, estimate_mean
from rlcs.evaluation.truncation import truncated_share
from rlcs.records import Row


def human_win_rate_table(
    votes: Sequence[Row], key: Iterable[Row], policies: Sequence[str], reference: str, *, seed: int
) -> pd.DataFrame:
    """Compare policies with the reference by people: all of them, and each cohort if there are several.

    A pair's result is the mean of its votes, a tie one half; intervals are over contexts.

    Args:
        votes: rows of ANNOTATIONS.
        key: rows of KEY; ``match_id`` is the pair's id.
    """
    matches = list(key)
    context_of = {match["match_id"]: str(match["context_id"]) for match in matches}
    cohorts = sorted({vote["cohort"] or "none" for vote in votes})
    rows = []
    for policy in policies:
        compared = {
            match["match_id"]
            for match in matches
            if {match["policy_a"], match["policy_b"]} == {policy, reference}
        }
        for cohort in ["all", *(cohorts if len(cohorts) > 1 else [])]:
            cast = [
                vote
                for vote in votes
                if vote["pair_id"] in compared and cohort in ("all", vote["cohort"] or "none")
            ]
            if not cast:
                continue
            credits = {pair: soft_label(labels) for pair, labels in votes_by_pair(cast).items()}
            won = wins(matches, {0: credits}, policy, reference)  # people know no seeds
            rows.append(
                {
                    "policy": policy,
                    "reference": reference,
                    "cohort": cohort,
                    "human_win_rate": bootstrap_mean(
                        [(result.value, result.context_id) for result in won], seed=seed
                    ),
                    "pairs": len(won),
                    "votes": len(cast),
                    "annotators": len({vote["annotator"] for vote in cast}),
                    "mutual": estimate_mean(mutual_credits(cast), context_of, seed),
                    "alpha": krippendorff_alpha(cast),
                    "truncated": truncated_share([_story(result.match, policy) for result in won], seed=seed),
                }
            )
    return pd.DataFrame(rows, dtype=object)


def _story(match: Row, policy: str) -> Row:
    """The policy's story of a row of KEY, as far as ``truncated_share`` reads it."""
    side = "a" if match["policy_a"] == policy else "b"
    return {"context_id": match["context_id"], "seed": 0, "truncated": match[f"truncated_{side}"]}

"""Judges as rewards: each judge's agreement with people, and the gain of the policy that it rewards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import permutation_test, spearmanr

from rlcs.evaluation.crossed import crossed_estimate
from rlcs.evaluation.effects import Evidence, win_rate
from rlcs.evaluation.truncation import truncated_share
from rlcs.judging.credits import pair_credits


def gain_table(judge_of: Mapping[str, str], evidence: Evidence, reference: str, *, seed: int) -> pd.DataFrame:
    """One row per policy: the accuracy of the judge that rewarded it, and its win rate against the reference.

    Args:
        judge_of: the one judge of each policy's reward, in the table's order.
        evidence: judgements of held-out pairs by the judges, the policies' stories, and judgements of their
            matches.
        seed: of the bootstraps, over seeds and contexts.
    """
    rows: list[dict[str, Any]] = []
    for policy, judge in judge_of.items():
        credits = {
            number: pair_credits(judgements, evidence.labels)
            for number, judgements in evidence.judged[judge].items()
        }
        (won,) = win_rate(evidence, (policy, reference))
        rows.append(
            {
                "judge": judge,
                "accuracy": crossed_estimate(evidence.sample(credits), seed=seed),
                "policy": policy,
                "reference": reference,
                "win_rate": crossed_estimate(won, seed=seed),
                "truncated": truncated_share(evidence.policies.stories_of(policy), seed=seed),
            }
        )
    return pd.DataFrame(rows, dtype=object)


def correlation_table(gains: pd.DataFrame, rules: Collection[str] = (), *, seed: int) -> pd.DataFrame:
    """One row: Spearman's rank correlation of accuracy and win rate over the judges of ``gain_table``.

    A judge without a readable verdict is left out, and so are rules: the oracle and the length rule are the
    best and the worst by construction, and would make most of the correlation by themselves. The p value is
    two-sided, by permutations, and exact for few judges. Both are None below three judges, or if one of the
    two does not vary.

    Args:
        rules: judges that are no models, by name.
    """
    values = np.array(
        [
            [row["accuracy"].value, row["win_rate"].value]
            for row in gains.to_dict("records")
            if row["judge"] not in rules
        ]
    ).reshape(-1, 2)
    accuracy, wins = values[~np.isnan(values).any(axis=1)].T
    rho = p = None
    if len(wins) > 2 and len(set(accuracy)) > 1 and len(set(wins)) > 1:
        test = permutation_test(
            (accuracy,),
            lambda x: spearmanr(x, wins).statistic,
            permutation_type="pairings",
            rng=np.random.default_rng(seed),
        )
        rho, p = float(test.statistic), float(test.pvalue)
    return pd.DataFrame([{"judges": len(wins), "rho": rho, "p_rho": p}], dtype=object)

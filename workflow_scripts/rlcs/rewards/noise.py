"""Correction of a judge's verdicts for its measured error rates. Design choice: no paper does this.

Let a judge name the first story with probability TPR if it is the better one and with probability FPR if it
is not. If the first story is the better one with probability p, it is named with

    q = TPR · p + FPR · (1 − p),   so that   p = (q − FPR) / (TPR − FPR)

is an unbiased estimate of p from q; clipped to [0, 1] it is the nearest probability. If the judge prefers a
position, TPR + FPR is not 1. In one random order the correction removes that bias; over both orders the bias
cancels by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from rlcs.config.policies import NoiseConfig
from rlcs.records import Judgement
from rlcs.verdict import WIN_CREDIT


def measure_noise(
    judgements: Iterable[Judgement], better: Mapping[str, Literal["a", "b"]]
) -> NoiseConfig | None:
    """Measure a judge's true and false positive rates on pairs whose better story is known; a tie counts ½.

    Returns:
        None if a rate cannot be measured, or if the judge is not better than chance.
    """
    named: dict[bool, list[float]] = {True: [], False: []}
    for judgement in judgements:
        if judgement.verdict != "none" and judgement.pair_id in better:
            first_is_better = (better[judgement.pair_id] == "a") == (judgement.order == "ab")
            named[first_is_better].append(_names_first(judgement, soft=False))
    if not named[True] or not named[False]:
        return None
    tpr, fpr = fmean(named[True]), fmean(named[False])
    return NoiseConfig(true_positive_rate=tpr, false_positive_rate=fpr) if tpr > fpr else None


def corrected_win_probability(
    judgements: Sequence[Judgement], noise: NoiseConfig, *, soft: bool = False
) -> float | None:
    """p(a beats b) by the formula above, averaged over the judgements, not clipped; None without a verdict.

    Clip as late as possible: the mean over many judgements is unbiased, each clipped value is not.

    Args:
        soft: use the judge's own probability if it is known.
    """
    readable = [judgement for judgement in judgements if judgement.verdict != "none"]
    low = noise.false_positive_rate
    corrected = []
    for judgement in readable:
        first = (_names_first(judgement, soft=soft) - low) / (noise.true_positive_rate - low)
        corrected.append(first if judgement.order == "ab" else 1 - first)
    return fmean(corrected) if corrected else None


def _names_first(judgement: Judgement, *, soft: bool) -> float:
    p_a = WIN_CREDIT[judgement.verdict]  # never of a verdict "none"
    if soft and judgement.p_a is not None:
        p_a = judgement.p_a
    return p_a if judgement.order == "ab" else 1 - p_a

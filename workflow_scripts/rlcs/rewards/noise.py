"""What a judge's measured mistakes say about the probability behind its verdicts (our choice).

Let a judge name the first story with probability TPR where it is the better one and with probability
FPR where it is not. If the first story is the better one with probability p, it is named with

    q = TPR · p + FPR · (1 − p),   so that   p = (q − FPR) / (TPR − FPR)

is an unbiased estimate of p from q, and clipping it to [0, 1] the nearest that can be a probability. Where
the judge prefers a place, TPR and FPR are not one another's complement: in one random order that is
what the correction mends; over both orders a preference for a place cancels out by itself.
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
    """True and false positive rate of a judge on pairs whose better story is known; a tie counts one half.

    Returns:
        None where one of them cannot be told, or where the judge is no better than chance.
    """
    named: dict[bool, list[float]] = {True: [], False: []}
    for judgement in judgements:
        if judgement.verdict != "none" and judgement.pair_id in better:
            first_is_better = (better[judgement.pair_id] == "a") == (judgement.order == "ab")
            named[first_is_better].append(_names_first(judgement, soft=False))
    if not named[True] or not named[False]:
        return None
    hit, false = fmean(named[True]), fmean(named[False])
    return NoiseConfig(true_positive_rate=hit, false_positive_rate=false) if hit > false else None


def corrected_win_probability(
    judgements: Sequence[Judgement], noise: NoiseConfig, *, soft: bool = False
) -> float | None:
    """p(a beats b) by the formula above, averaged over the judgements, not clipped; None without a verdict.

    Clip it as late as may be: over many judgements the mean is right, and each clipped value is not.

    Args:
        soft: from the judge's own probability where it is known.
    """
    known = [judgement for judgement in judgements if judgement.verdict != "none"]
    low = noise.false_positive_rate
    found = []
    for judgement in known:
        first = (_names_first(judgement, soft=soft) - low) / (noise.true_positive_rate - low)
        found.append(first if judgement.order == "ab" else 1 - first)
    return fmean(found) if found else None


def _names_first(judgement: Judgement, *, soft: bool) -> float:
    p_a = WIN_CREDIT[judgement.verdict]  # never of a verdict "none"
    if soft and judgement.p_a is not None:
        p_a = judgement.p_a
    return p_a if judgement.order == "ab" else 1 - p_a

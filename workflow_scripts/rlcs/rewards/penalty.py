"""RLMR's dynamic penalty: a story that breaks a constraint gets a negative advantage.

RLMR is arXiv 2508.18642; DESIGN §8. Of a group of stories for one context, ``rewards`` are the writing
rewards, None where the judge failed, and ``broken`` the numbers of constraints that the stories break. A
story that breaks one is a violator.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

Rewards = Sequence[float | None]


def all_violate(rewards: Rewards, broken: Sequence[int]) -> bool:
    """Whether a group with violators has no compliant story with a reward.

    Then nothing is there that the violators could be worse than, and the configured rule applies.
    """
    return any(broken) and not any(
        count == 0 and reward is not None for reward, count in zip(rewards, broken, strict=True)
    )


def apply_penalty(
    rewards: Rewards, broken: Sequence[int], *, margin: float, per_constraint: bool = False
) -> list[float | None]:
    """Rewards of a group, less δ for each violator: every violator is then below the group's mean.

    δ = G / (G − |V|) · max(0, max_{i∈V} r_i − μ) + margin, where V are the violators, μ is the mean and G
    the number of rewards. After it the mean is μ − δ|V|/G, and r_i − δ < μ − δ|V|/G for each i in V. Whatever
    divides the advantages afterwards (the standard deviation of the group or the batch) leaves their signs.

    Two cases that the paper leaves open (our choice): a violator without a reward is a violator all the same,
    so it counts as an average story before the penalty; a compliant story without one stays out (None).

    Args:
        margin: > 0.
        per_constraint: a violator loses ``margin`` for every broken constraint after its first, before δ is
            taken from what is left; so the guarantee holds as it is.

    Returns:
        The rewards themselves where there is no violator, or no compliant story to compare one with
        (``all_violate``).

    Raises:
        ValueError: the margin is not positive.
    """
    if margin <= 0:
        raise ValueError(f"margin = {margin} must be greater than 0, or a violator can be at the mean")
    if not any(broken) or all_violate(rewards, broken):
        return list(rewards)
    average = fmean(reward for reward in rewards if reward is not None)
    lowered = [
        _lowered(average if reward is None else reward, count, margin if per_constraint else 0.0)
        if count
        else reward
        for reward, count in zip(rewards, broken, strict=True)
    ]
    known = [reward for reward in lowered if reward is not None]
    violators = [
        reward for reward, count in zip(lowered, broken, strict=True) if count and reward is not None
    ]
    size = len(known)
    delta = size / (size - len(violators)) * max(0.0, max(violators) - fmean(known)) + margin
    return [
        reward - delta if count and reward is not None else reward
        for reward, count in zip(lowered, broken, strict=True)
    ]


def _lowered(reward: float, broken: int, per_further: float) -> float:
    return reward - per_further * (broken - 1)


def verifier_reward(checks: Sequence[bool | None], *, per_constraint: bool = False) -> float | None:
    """1 where every constraint is kept, else 0; or the share that is kept.

    Args:
        checks: of one story; None where a constraint could not be verified, which counts neither way.

    Returns:
        None where nothing could be verified; 1 where there is nothing to keep.
    """
    known = [check for check in checks if check is not None]
    if checks and not known:
        return None
    return sum(known) / len(known) if per_constraint and known else float(all(known))


def fixed_weight_reward(writing: float | None, verifier: float | None, weight: float) -> float | None:
    """The fixed-weight baseline (1 − w) · writing + w · verifier; None where either is missing."""
    return None if writing is None or verifier is None else (1 - weight) * writing + weight * verifier

"""RLMR's dynamic penalty: a story that violates a constraint gets a negative advantage.

RLMR is arXiv 2508.18642; see "Dynamic penalty" in docs/method.md. All functions take one group of stories for
one context: ``rewards`` are the writing rewards, None if the judge failed, and ``violated`` the number of
constraints that each story violates. A story that violates one is a violator.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

Rewards = Sequence[float | None]


def all_violate(rewards: Rewards, violated: Sequence[int]) -> bool:
    """True if a group has violators, and no compliant story with a reward.

    Then the violators cannot be worse than anything, and the configured rule ``all_violate`` applies.
    """
    return any(violated) and not any(
        count == 0 and reward is not None for reward, count in zip(rewards, violated, strict=True)
    )


def apply_penalty(
    rewards: Rewards, violated: Sequence[int], *, margin: float, per_constraint: bool = False
) -> list[float | None]:
    """Subtract δ from the reward of each violator, so that every violator is below the group's mean.

    δ = G / (G − |V|) · max(0, max_{i∈V} r_i − μ) + margin, where V are the violators, μ is the mean and G
    the number of rewards. After it the mean is μ − δ|V|/G, and r_i − δ < μ − δ|V|/G for each i in V. Whatever
    divides the advantages afterwards (the standard deviation of the group or the batch) leaves their signs.

    Design choice, as the paper leaves it open: a violator without a reward is still a violator, and counts as
    an average story before the penalty; a compliant story without a reward stays out (None).

    Args:
        margin: > 0.
        per_constraint: a violator loses ``margin`` for every violated constraint after its first, before δ is
            taken from what is left; so the guarantee holds as it is.

    Returns:
        The rewards themselves if there is no violator, or no compliant story to compare one with
        (``all_violate``).

    Raises:
        ValueError: the margin is not positive.
    """
    if margin <= 0:
        raise ValueError(f"margin = {margin} must be greater than 0, or a violator can be at the mean")
    if not any(violated) or all_violate(rewards, violated):
        return list(rewards)
    average = fmean(reward for reward in rewards if reward is not None)
    lowered = [
        _lowered(average if reward is None else reward, count, margin if per_constraint else 0.0)
        if count
        else reward
        for reward, count in zip(rewards, violated, strict=True)
    ]
    known = [reward for reward in lowered if reward is not None]
    violators = [
        reward for reward, count in zip(lowered, violated, strict=True) if count and reward is not None
    ]
    size = len(known)
    delta = size / (size - len(violators)) * max(0.0, max(violators) - fmean(known)) + margin
    return [
        reward - delta if count and reward is not None else reward
        for reward, count in zip(lowered, violated, strict=True)
    ]


def _lowered(reward: float, violated: int, per_further: float) -> float:
    return reward - per_further * (violated - 1)


def verifier_reward(checks: Sequence[bool | None], *, per_constraint: bool = False) -> float | None:
    """1 if every constraint is satisfied, else 0; or the share that is satisfied.

    Args:
        checks: of one story; None if a constraint could not be verified, which counts neither way.

    Returns:
        None if nothing could be verified; 1 if there are no constraints.
    """
    known = [check for check in checks if check is not None]
    if checks and not known:
        return None
    return sum(known) / len(known) if per_constraint and known else float(all(known))


def fixed_weight_reward(writing: float | None, verifier: float | None, weight: float) -> float | None:
    """The fixed-weight baseline (1 − w) · writing + w · verifier; None if either is missing."""
    return None if writing is None or verifier is None else (1 - weight) * writing + weight * verifier

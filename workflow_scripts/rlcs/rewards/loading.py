"""Reward functions for TRL, made from a policy's entry in the config."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.config.policies import GRPOPolicyConfig
from rlcs.constraints.verification import Verifier
from rlcs.judging.backends import Access
from rlcs.judging.judge import Judge
from rlcs.judging.loading import load_judges
from rlcs.judging.verifier import load_verifier
from rlcs.records import Context
from rlcs.rewards.constrained_reward import ConstrainedReward, Writing
from rlcs.rewards.pivot_reward import PivotReward
from rlcs.rewards.scalar_reward import ScalarReward


def load_policy_judges(
    entry: GRPOPolicyConfig, sections: Sequence[Mapping[str, Any]], folders: Sequence[Path], access: Access
) -> dict[str, Judge]:
    """The judges that a policy's training asks, by name. Arguments as in ``load_judges``."""
    return load_judges(
        sections,
        folders,
        access,
        max_failure_shares={reward.judge: reward.max_failure_share for reward in entry.rewards},
        soft=[reward.judge for reward in entry.rewards if reward.probability == "soft"],
    )


def load_policy_verifier(
    entry: GRPOPolicyConfig, section: Mapping[str, Any] | None, folder: Path | None, access: Access
) -> Verifier | None:
    """The verifier that a policy's constraints name. Arguments as in ``load_verifier``."""
    if section is None or entry.constraints is None:
        return None
    return load_verifier(section, folder, access.to(section["name"]), entry.constraints.max_failure_share)


def writing_rewards(
    entry: GRPOPolicyConfig,
    judges: Mapping[str, Judge],
    contexts: Mapping[str, Context],
    *,
    group_size: int,
    seed: int,
) -> list[Writing]:
    """A reward function for each reward of a policy, in the entry's order."""
    several = len(entry.rewards) > 1
    return [
        ScalarReward(judges[reward.judge], contexts, name=f"scalar-{reward.judge}")
        if reward.kind == "scalar"
        else PivotReward(
            judges[reward.judge],
            contexts,
            reward,
            group_size=group_size,
            seed=seed,
            name=f"pivot-{reward.judge}" if several else "pivot",
            metrics=f"judge/{reward.judge}" if several else "judge",
        )
        for reward in entry.rewards
    ]


def constrained_reward(
    entry: GRPOPolicyConfig,
    writing: Sequence[Writing],
    contexts: Mapping[str, Context],
    verifier: Verifier | None,
    *,
    group_size: int,
    limit: int | None,
    stop_tokens: Collection[int],
) -> ConstrainedReward | None:
    """The only reward function of a policy with constraints; None for a policy without any.

    Args:
        limit, stop_tokens: of completions; they count if truncated stories are violations.
    """
    if entry.constraints is None:
        return None
    weights = [reward.weight for reward in entry.rewards]
    return ConstrainedReward(
        list(zip(writing, weights, strict=True)),
        contexts,
        entry.constraints,
        group_size=group_size,
        verifier=verifier,
        limit=limit if entry.truncated == "violation" else None,
        stop_tokens=stop_tokens,
    )

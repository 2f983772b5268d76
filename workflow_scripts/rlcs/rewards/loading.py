"""Reward functions for TRL, made from a policy's entry in the config."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rlcs.config.plugins import FunctionRewardConfig
from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.story_rewards import DiversityConfig, StoryRewardConfig
from rlcs.constraints.verification import Verifier
from rlcs.judging.backends import Access
from rlcs.judging.judge import Judge
from rlcs.judging.loading import gives_probability, load_judges
from rlcs.judging.verifier import load_verifier
from rlcs.models.embeddings import SentenceModel, sentence_model_folder
from rlcs.records import Context
from rlcs.rewards.constrained_reward import ConstrainedReward
from rlcs.rewards.diverse_reward import Contributions, DiverseReward, embedding_contributions
from rlcs.rewards.function_reward import FunctionReward
from rlcs.rewards.pivot_reward import PivotReward
from rlcs.rewards.scalar_reward import ScalarReward
from rlcs.rewards.writing import Writing
from rlcs.text import unique_ngram_shares


def load_policy_judges(
    entry: GRPOPolicyConfig, sections: Sequence[Mapping[str, Any]], folders: Sequence[Path], access: Access
) -> dict[str, Judge]:
    """The judges that a policy's training asks, by name. Arguments as in ``load_judges``."""
    section_of = {section["name"]: section for section in sections}
    return load_judges(
        sections,
        folders,
        access,
        max_failure_shares={reward.judge: reward.max_failure_share for reward in entry.judge_rewards},
        soft=[
            reward.judge
            for reward in entry.judge_rewards
            if reward.probability == "soft"
            or (reward.probability == "auto" and gives_probability(section_of[reward.judge]))
        ],
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
    chosen: Mapping[str, Sequence[str]] | None = None,
) -> list[tuple[Writing, float]]:
    """The reward functions of a policy and their weights: one for each reward, in the entry's order.

    With ``diversity`` there is a single one, of all rewards and the bonus.

    Args:
        chosen: as in ``PivotReward``.

    Raises:
        InputError: the sentence model of ``diversity`` is not installed, ``pivot: chosen`` has no story, or a
            plug-in cannot be loaded.
    """
    several = len(entry.rewards) > 1

    def function(reward: StoryRewardConfig | FunctionRewardConfig) -> Writing:
        if isinstance(reward, FunctionRewardConfig):
            return FunctionReward(reward, contexts)
        judge, metrics = judges[reward.judge], f"judge/{reward.judge}" if several else "judge"
        if reward.kind == "scalar":
            return ScalarReward(
                judge,
                contexts,
                max_failure_share=reward.max_failure_share,
                name=f"scalar-{reward.judge}",
                metrics=metrics,
            )
        return PivotReward(
            judge,
            contexts,
            reward,
            group_size=group_size,
            seed=seed,
            chosen=chosen,
            name=f"pivot-{reward.judge}" if several else "pivot",
            metrics=metrics,
        )

    writing = [(function(reward), reward.weight) for reward in entry.rewards]
    if entry.diversity is None:
        return writing
    measure = load_contributions(entry.diversity)
    return [(DiverseReward(writing, entry.diversity, measure, group_size=group_size), 1.0)]


def load_contributions(diversity: DiversityConfig) -> Contributions:
    """The measure of what stories add to their group: by n-grams, or by the config's sentence model.

    Raises:
        InputError: the sentence model is not installed.
    """
    if (section := diversity.sentence_model) is None:
        return partial(unique_ngram_shares, n=diversity.n)
    folder = sentence_model_folder(section.package, section.model)
    return partial(embedding_contributions, SentenceModel(folder))


def constrained_reward(
    entry: GRPOPolicyConfig,
    writing: Sequence[tuple[Writing, float]],
    contexts: Mapping[str, Context],
    verifier: Verifier | None,
    *,
    group_size: int,
    limit: int | None,
    stop_tokens: Collection[int],
) -> ConstrainedReward | None:
    """The only reward function of a policy with constraints; None for a policy without any.

    Args:
        writing: of ``writing_rewards``.
        limit, stop_tokens: of completions; they count if truncated stories are violations.
    """
    if entry.constraints is None:
        return None
    return ConstrainedReward(
        writing,
        contexts,
        entry.constraints,
        group_size=group_size,
        verifier=verifier,
        limit=limit if entry.truncated == "violation" else None,
        stop_tokens=stop_tokens,
    )

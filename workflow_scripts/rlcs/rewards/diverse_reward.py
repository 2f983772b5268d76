"""Reward of a policy whose stories should differ: the writing rewards and a bonus for diversity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from rlcs.config.prompts import Messages
from rlcs.config.story_rewards import DiversityConfig
from rlcs.models.embeddings import SentenceModel, mean_distances
from rlcs.rewards.diversity import diversity_bonuses
from rlcs.rewards.writing import Writing, sum_rewards
from rlcs.stages.ranks import gather
from rlcs.text import words

Contributions = Callable[[Sequence[str]], list[float | None]]
"""What each story of a group adds to it, None of a story with nothing to compare."""


class Rewarded(NamedTuple):
    """The parts of one story's reward; the quality is None if the judge failed."""

    quality: float | None
    contribution: float | None
    bonus: float


class DiverseReward:
    """TRL reward function: the weighted sum of the writing rewards, and ``diversity_bonuses`` of each group.

    A story without a writing reward gets None.

    Args:
        writing: reward functions and their weights; their sum is the quality.
        contributions: the measure of one group's stories.
        group_size: completions of one context, which stand together.
    """

    __name__ = "diverse"

    def __init__(
        self,
        writing: Sequence[tuple[Writing, float]],
        diversity: DiversityConfig,
        contributions: Contributions,
        *,
        group_size: int,
    ) -> None:
        self.writing = writing
        self.diversity = diversity
        self.contributions = contributions
        self.group_size = group_size

    def __call__(
        self, *, completions: Sequence[Messages], log_metric: Callable[[str, float], None], **others: Any
    ) -> list[float | None]:
        stories = [completion[-1]["content"] for completion in completions]
        qualities = sum_rewards(
            self.writing, {"completions": completions, "log_metric": log_metric, **others}
        )
        rewarded: list[Rewarded] = []
        for start in range(0, len(stories), self.group_size):
            group = slice(start, start + self.group_size)
            contributions = self.contributions(stories[group])
            bonuses = diversity_bonuses(
                qualities[group],
                contributions,
                weight=self.diversity.weight,
                quality_quantile=self.diversity.quality_quantile,
            )
            rewarded += map(Rewarded, qualities[group], contributions, bonuses)
        for name, value in diversity_metrics(gather(rewarded)).items():
            log_metric(f"diversity/{name}", value)
        return [None if story.quality is None else story.quality + story.bonus for story in rewarded]


def embedding_contributions(model: SentenceModel, stories: Sequence[str]) -> list[float | None]:
    """Mean cosine distance of each story of a group from the others; None of a story without words."""
    distances = iter(mean_distances(model.embed([story for story in stories if words(story)])))
    return [next(distances) if words(story) else None for story in stories]


def diversity_metrics(rewarded: Sequence[Rewarded]) -> dict[str, float]:
    """Metrics of one step's stories; a metric over nothing is left out.

    Returns:
        ``contribution``: mean of what stories add to their groups; ``quality``: mean reward without the
        bonus; ``bonus``: mean bonus of the stories with a quality; ``earned``: share of these that earn one.
    """
    metrics = {}
    if contributions := [story.contribution for story in rewarded if story.contribution is not None]:
        metrics["contribution"] = fmean(contributions)
    known = [(story.quality, story.bonus) for story in rewarded if story.quality is not None]
    if known:
        metrics["quality"] = fmean(quality for quality, _ in known)
        metrics["bonus"] = fmean(bonus for _, bonus in known)
        metrics["earned"] = sum(bonus > 0 for _, bonus in known) / len(known)
    return metrics

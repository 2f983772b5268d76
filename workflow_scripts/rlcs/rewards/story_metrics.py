"""Metrics of a step's stories that the watch reads, whatever the reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from rlcs.stages.ranks import gather
from rlcs.text import distinct_n, formatted_share, repeated_ngram_share


def story_metrics(stories: Sequence[str]) -> dict[str, float]:
    """Diversity, repetition and formatting of one step's stories; left out if every story is too short."""
    metrics = {} if (distinct := distinct_n(stories, 2)) is None else {"distinct_2": distinct}
    shares = {
        "repeated": [repeated_ngram_share(story, 4) for story in stories],
        "formatted": [formatted_share(story) for story in stories],
    }
    for name, values in shares.items():
        if known := [value for value in values if value is not None]:
            metrics[name] = fmean(known)
    return metrics


def log_story_metrics(stories: Sequence[str], log_metric: Callable[[str, float], None]) -> None:
    """Log the metrics of the whole step's stories, of which this process has some, as ``stories/{name}``."""
    for name, value in story_metrics(gather(stories)).items():
        log_metric(f"stories/{name}", value)

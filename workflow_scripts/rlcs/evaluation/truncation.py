"""The column that every table of texts has: how many of them the token limit cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlcs.evaluation.crossed import share_of_items
from rlcs.evaluation.statistics import Estimate
from rlcs.records import Row


def truncated_share(texts: Iterable[Row], *, seed: int, unit: str = "context_id") -> Estimate:
    """Share of truncated texts, over seeds and contexts.

    Args:
        texts: rows of STORIES or RESPONSES.
        seed: of the bootstrap of texts with one seed.
        unit: column of the context or the prompt.
    """
    return share_of_items(
        [(float(row["truncated"]), row["seed"], str(row[unit])) for row in texts], seed=seed
    )


def truncated_by_policy(
    texts: Sequence[Row], policies: Iterable[str], *, seed: int, unit: str = "context_id"
) -> dict[str, Estimate]:
    """``truncated_share`` of each policy's texts; arguments as there."""
    return {
        policy: truncated_share([row for row in texts if row["policy"] == policy], seed=seed, unit=unit)
        for policy in policies
    }

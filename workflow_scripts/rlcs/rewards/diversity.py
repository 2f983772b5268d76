"""Bonus for what a story adds to its group, quality first (docs/method.md, "Diversity")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def diversity_bonuses(
    qualities: Sequence[float | None],
    contributions: Sequence[float | None],
    *,
    weight: float,
    quality_quantile: float,
) -> list[float]:
    """Bonuses weight · (c_i − min_{j∈E} c_j) of the stories in E, and 0 of all others.

    E are the stories with a contribution c whose quality is at or above the group's quantile. No bonus is
    negative, so a story in E stays above every story whose quality is below the quantile. The least
    contribution in E is subtracted, since the bonus would else be mostly a step between E and the others: in
    a group whose stories differ alike nobody earns one.

    DPWriter (arXiv 2601.09609) multiplies the quality instead; docs/method.md has the difference.

    Args:
        qualities: rewards of one group's stories, None if the judge failed.
        contributions: what each story adds to the group, None of a story with nothing to compare.
        weight: > 0, in units of the quality.
        quality_quantile: in [0, 1]; 0: every story with a quality may earn a bonus.

    Returns:
        One bonus per story, in [0, weight · (max c − min c)].
    """
    known = [quality for quality in qualities if quality is not None]
    if not known:
        return [0.0] * len(qualities)
    threshold = np.quantile(known, quality_quantile)
    earning = [
        contribution if quality is not None and quality >= threshold else None
        for quality, contribution in zip(qualities, contributions, strict=True)
    ]
    least = min((contribution for contribution in earning if contribution is not None), default=0.0)
    return [0.0 if contribution is None else weight * (contribution - least) for contribution in earning]

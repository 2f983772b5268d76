"""Estimates with intervals: means and paired differences ("Numbers" in docs/method.md).

An ``Estimate`` of nothing has n 0 and nan's, and a rate of nothing is None; neither raises. So a judge whose
answers cannot be read is a row of a table and not a crash.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import monte_carlo_test, permutation_test

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.uint8]  # how often a cluster is drawn: once on average, and never more than 255 times

EXACT = 13  # contexts whose 2^13 signs are fewer than scipy's 9,999 resamples, so that all are tried
BLOCK = 10_000_000  # counts that are multiplied at once: 80 megabytes in double precision
KEPT = 100_000  # clusters whose draws are kept for the next estimates: twice 200 megabytes


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; low and high are nan with fewer than two clusters."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference(Estimate):
    """An ``Estimate`` of a difference and the p value of no difference."""

    p_value: float


def bootstrap_mean(
    rows: Iterable[tuple[float, str]], *, seed: int, resamples: int = 2000, level: float = 0.95
) -> Estimate:
    """Mean of values and its percentile interval by the cluster bootstrap: whole clusters are resampled.

    Args:
        rows: (value, cluster) of each item; the cluster is the item's context, and n the number of items.

    Raises:
        ValueError: a value is not finite.
    """
    items = list(rows)
    values, clusters = [value for value, _ in items], [cluster for _, cluster in items]
    sums = cluster_sums(np.column_stack([finite(values), np.ones(len(values))]), clusters)
    if len(sums) == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    totals = resampled_totals(sums, seed, resamples)
    low, high = interval(totals[:, 0] / totals[:, 1], len(sums), level)
    return Estimate(float(np.mean(values)), low, high, len(values))


def paired_difference(
    x: Sequence[float],
    y: Sequence[float],
    clusters: Sequence[str],
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """Mean of x − y on the same items; its p value is two-sided, by flipping the signs of whole contexts.

    Args:
        x, y: one value per item each.
        clusters: the context of each item.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} values and y {len(y)}; a paired difference needs the same items")
    differences = finite(x) - finite(y)
    sums = cluster_sums(differences[:, None], clusters)[:, 0]
    rows = zip(differences.tolist(), clusters, strict=True)
    estimate = bootstrap_mean(rows, seed=seed, resamples=resamples, level=level)
    p_value = sign_flip_p_value(sums, seed)
    return Difference(estimate.value, estimate.low, estimate.high, estimate.n, p_value)


def sign_flip_p_value(sums: Floats, seed: int) -> float:
    """The two-sided p value that sums (clusters,) are symmetric around 0, by flipping their signs.

    Up to ``EXACT`` clusters all signs are tried. With more, ``monte_carlo_test`` draws them: it is
    ``permutation_test`` in a tenth of the time. 1 of one cluster; nan of none.
    """
    if len(sums) < 2:
        return 1.0 if len(sums) else math.nan
    if len(sums) <= EXACT:
        return float(permutation_test((sums,), np.sum, permutation_type="samples", vectorized=True).pvalue)
    rng = np.random.default_rng(seed)

    def flipped(size: tuple[int, ...]) -> Floats:
        return np.asarray((2.0 * rng.integers(0, 2, size=size, dtype=np.int8) - 1) * sums, dtype=np.float64)

    return float(monte_carlo_test(sums, flipped, np.sum, vectorized=True, batch=500).pvalue)


def finite(values: Sequence[float]) -> Floats:
    """The values as an array.

    Raises:
        ValueError: a value is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a value is not finite: leave out what could not be had before taking a mean")
    return array


def cluster_sums(columns: Floats, clusters: Sequence[str]) -> Floats:
    """Sum columns (items, k) by cluster, (clusters, k), sorted so that the order of items changes no draw.

    Raises:
        ValueError: lengths differ.
    """
    if len(columns) != len(clusters):
        raise ValueError(
            f"{len(columns)} values and {len(clusters)} clusters; one cluster per value is expected"
        )
    codes, names = pd.factorize(np.asarray(clusters, dtype=object), sort=True)
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, codes, columns)
    return sums


def resampled_totals(sums: Floats, seed: int, resamples: int) -> Floats:
    """Totals (resamples, k) over as many clusters as ``sums`` (clusters, k) has, drawn with replacement."""
    n = len(sums)
    known = _counts(n, seed, resamples) if n <= KEPT else _draws(n, seed, resamples)
    return np.concatenate([block.astype(np.float64) @ sums for block in known])


@lru_cache(maxsize=2)  # a table asks for the same draws some hundred times
def _counts(n: int, seed: int, resamples: int) -> list[Counts]:
    return list(_draws(n, seed, resamples))


def _draws(n: int, seed: int, resamples: int) -> Iterator[Counts]:
    """Counts (draws, n) of n clusters in draws of n with replacement, ``resamples`` of them in blocks.

    A block is small, since it is multiplied in double precision, eight times its size.
    """
    rng = np.random.default_rng(seed)
    size = max(1, BLOCK // max(n, 1))
    for start in range(0, resamples, size):
        draws = min(size, resamples - start)
        yield np.asarray(
            [np.bincount(rng.integers(n, size=n), minlength=n).astype(np.uint8) for _ in range(draws)]
        )


def interval(resampled: Floats, clusters: int, level: float) -> tuple[float, float]:
    """Percentile interval of resampled values; nan's with fewer than two clusters."""
    if clusters < 2:
        return math.nan, math.nan
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_or_none(values: Sequence[float]) -> float | None:
    """Mean of values; None of nothing."""
    return sum(values) / len(values) if values else None


def estimate_mean(by_pair: Mapping[str, float], context_of: Mapping[str, str], seed: int) -> Estimate:
    """Mean over pairs, with its interval over their contexts."""
    return bootstrap_mean(((value, context_of[pair]) for pair, value in by_pair.items()), seed=seed)


def estimate_difference(
    x: Mapping[str, float], y: Mapping[str, float], context_of: Mapping[str, str], seed: int
) -> Difference:
    """Mean difference x − y over the pairs that both have, with its interval and p value over contexts."""
    pairs = [pair for pair in x if pair in y]
    contexts = [context_of[pair] for pair in pairs]
    return paired_difference([x[pair] for pair in pairs], [y[pair] for pair in pairs], contexts, seed=seed)

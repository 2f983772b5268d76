"""Estimates with intervals: means and paired differences ("Numbers" in docs/method.md).

An ``Estimate`` of nothing has n 0 and nan's, and a rate of nothing is None; neither raises. So a judge whose
answers cannot be read is a row of a table and not a crash.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import permutation_test

Floats = npt.NDArray[np.float64]


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
    p_value = 1.0 if len(sums) else math.nan
    if len(sums) > 1:
        test = permutation_test(
            (sums,),
            np.sum,
            permutation_type="samples",
            vectorized=True,
            batch=500,
            rng=np.random.default_rng(seed),
        )
        p_value = float(test.pvalue)
    return Difference(estimate.value, estimate.low, estimate.high, estimate.n, p_value)


@dataclass(frozen=True)
class Sample:
    """Values of items, each with the seed and the context that it belongs to."""

    values: Sequence[float]
    seeds: Sequence[int]
    contexts: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[tuple[float, int, str]]) -> Sample:
        """The sample of rows (value, seed, context); there may be none."""
        return cls(*zip(*rows, strict=True)) if rows else cls([], [], [])


def crossed_bootstrap(
    sample: Sample,
    less: Sample | None = None,
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """Mean of a sample, minus the mean of ``less`` if given, and its interval over seeds and contexts.

    Seeds and contexts are resampled independently of one another. An item's count is that of its seed times
    that of its context: the pigeonhole bootstrap for crossed factors (Owen 2007,
    arXiv 0712.1111). With one seed it is the bootstrap over contexts.

    Args:
        less: on the same seeds and contexts, which are drawn once for both; its mean is subtracted.

    Returns:
        An ``Estimate`` whose n is the number of items of ``sample``.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    samples = [sample] if less is None else [sample, less]
    if any(len(s.values) == 0 for s in samples):
        return Estimate(math.nan, math.nan, math.nan, 0)
    seeds = pd.Index(sorted({name for s in samples for name in s.seeds}))
    contexts = pd.Index(sorted({name for s in samples for name in s.contexts}))
    rng = np.random.default_rng(seed)
    draws = [
        rng.multinomial(len(names), [1 / len(names)] * len(names), resamples) for names in (seeds, contexts)
    ]
    value, resampled = 0.0, np.zeros(resamples)
    for sign, drawn_from in zip((1, -1), samples, strict=False):
        sums, counts = _seed_by_context(drawn_from, seeds, contexts)
        value += sign * float(sums.sum() / counts.sum())
        drawn, items = (
            np.einsum("rs,sc,rc->r", draws[0], table, draws[1], optimize=True) for table in (sums, counts)
        )
        resampled += sign * np.divide(drawn, items, out=np.full(resamples, math.nan), where=items > 0)
    low, high = interval(resampled[np.isfinite(resampled)], len(contexts), level)
    return Estimate(value, low, high, len(sample.values))


def _seed_by_context(sample: Sample, seeds: pd.Index, contexts: pd.Index) -> tuple[Floats, Floats]:
    """Sums and counts of a sample's values, each (seeds, contexts)."""
    if not len(sample.values) == len(sample.seeds) == len(sample.contexts):
        raise ValueError(
            f"{len(sample.values)} values, {len(sample.seeds)} seeds and {len(sample.contexts)} contexts; "
            "one seed and one context per value are expected"
        )
    sums, counts = np.zeros((len(seeds), len(contexts))), np.zeros((len(seeds), len(contexts)))
    indices = (seeds.get_indexer(pd.Index(sample.seeds)), contexts.get_indexer(pd.Index(sample.contexts)))
    np.add.at(sums, indices, finite(sample.values))
    np.add.at(counts, indices, 1)
    return sums, counts


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
    rng = np.random.default_rng(seed)
    n = len(sums)
    return np.stack([sums[rng.integers(n, size=n)].sum(axis=0) for _ in range(resamples)])


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

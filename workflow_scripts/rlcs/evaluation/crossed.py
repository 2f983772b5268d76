"""Estimates over seeds and contexts, which are crossed random units ("Numbers" in docs/method.md).

A training is drawn with its seed, and a seed's result says little about that of the next one. So the table of
several seeds needs intervals and tests that have seeds as units beside contexts. With one seed contexts alone
are units, as in ``statistics``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from rlcs.evaluation.statistics import (
    Difference,
    Estimate,
    Floats,
    bootstrap_mean,
    finite,
    interval,
    paired_difference,
    resampled_totals,
)

BySeed = Mapping[int, Mapping[str, float]]
"""Seed -> item, such as a pair or a match -> value."""

Value = TypeVar("Value")


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


@dataclass(frozen=True)
class CrossedMean:
    """A mean, or a difference of means, with its standard error over crossed seeds and contexts.

    The squared error is the sum of two parts, S / (S − 1) Σ U_s² over seeds and C / (C − 1) Σ V_c² over
    contexts, where U_s and V_c are the sums of a unit's influences (x − mean) / n. The variance of a single
    item is in both parts, which errs on the wide side. Degrees of freedom are Satterthwaite's (1946, doi
    10.2307/3002019). With one seed there is no part of seeds.

    Attributes:
        freedom: degrees of freedom of t, between the fewest units less one and their sum.
        limits: the least and the largest value that a mean of these items can have.
        n: items of the sample whose mean it is, or from which the other mean is subtracted.
    """

    value: float
    error: float
    freedom: float
    limits: tuple[float, float]
    n: int
    seeds: int
    contexts: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval of t, cut at the limits; nan's with fewer than two contexts."""
        if math.isnan(self.error):
            return math.nan, math.nan
        half = t_quantile(level, self.freedom) * self.error
        low, high = self.limits
        return max(self.value - half, low), min(self.value + half, high)

    def p_value(self, null: float = 0.0) -> float:
        """The two-sided p value of t, that the true mean is ``null``; nan with fewer than two contexts."""
        distance = abs(self.value - null)
        if self.error == 0:
            return float(distance == 0)
        return float(2 * stats.t.sf(distance / self.error, self.freedom))


def t_quantile(level: float, freedom: float) -> float:
    """Half the width of a two-sided interval of t, in standard errors."""
    return float(stats.t.ppf((1 + level) / 2, freedom))


def pooled_error(parts: Iterable[tuple[float, int]]) -> tuple[float, float]:
    """The standard error of independent variances, and Satterthwaite's degrees of freedom.

    Args:
        parts: (variance, units) of each kind of unit.
    """
    variances = [(variance, units - 1) for variance, units in parts if units > 1]
    total = sum(variance for variance, _ in variances)
    below = sum(variance**2 / freedom for variance, freedom in variances)
    return math.sqrt(total), total**2 / below if below > 0 else 1.0


def jackknife_variance(without: Floats) -> Floats:
    """Variance of an estimate from those without one unit each, (units, …) to (…)."""
    units = len(without)
    return np.asarray(without.var(axis=0) * (units - 1), dtype=np.float64)


def crossed_mean(sample: Sample, less: Sample | None = None) -> CrossedMean:
    """Mean of a sample, minus the mean of ``less`` if given, with its error over seeds and contexts.

    Args:
        less: on the same seeds and contexts.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    samples = [sample] if less is None else [sample, less]
    seeds, contexts = _units(samples)
    if any(len(part.values) == 0 for part in samples):
        return CrossedMean(math.nan, math.nan, math.nan, (math.nan, math.nan), 0, len(seeds), len(contexts))
    value, low, high = 0.0, 0.0, 0.0
    influences = np.zeros((len(seeds), len(contexts)))
    for sign, part in zip((1, -1), samples, strict=False):
        sums, counts = _seed_by_context(part, seeds, contexts)
        mean = sums.sum() / counts.sum()
        influences += sign * (sums - mean * counts) / counts.sum()
        value += sign * float(mean)
        ends = sorted((sign * min(part.values), sign * max(part.values)))
        low, high = low + ends[0], high + ends[1]
    parts = [(_unit_variance(influences.sum(axis=1 - axis)), influences.shape[axis]) for axis in (0, 1)]
    error, freedom = pooled_error(parts) if len(contexts) > 1 else (math.nan, math.nan)
    return CrossedMean(value, error, freedom, (low, high), len(sample.values), len(seeds), len(contexts))


def _unit_variance(influences: Floats) -> float:
    """Variance of a mean from the influences (units,) of its units."""
    units = len(influences)
    return float((influences**2).sum() * units / (units - 1)) if units > 1 else 0.0


def crossed_estimate(
    sample: Sample,
    less: Sample | None = None,
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """Mean of a sample, minus the mean of ``less`` if given, and its interval over seeds and contexts.

    With several seeds the interval is that of ``CrossedMean``: a percentile interval over three seeds, which
    reaches from the least seed to the largest at most, covers in three of four tables. With one seed it is
    the bootstrap over contexts, which are drawn once for both samples.

    Args:
        less: on the same seeds and contexts; its mean is subtracted.

    Returns:
        An ``Estimate`` whose n is the number of items of ``sample``.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    mean = crossed_mean(sample, less)
    if mean.seeds > 1 or mean.n == 0 or math.isnan(mean.value):
        return Estimate(mean.value, *mean.interval(level), mean.n)
    samples = [sample] if less is None else [sample, less]
    seeds, contexts = _units(samples)
    resampled = np.zeros(resamples)
    for sign, part in zip((1, -1), samples, strict=False):
        tables = np.column_stack([table[0] for table in _seed_by_context(part, seeds, contexts)])
        drawn, items = resampled_totals(tables, seed, resamples).T
        resampled += sign * np.divide(drawn, items, out=np.full(resamples, math.nan), where=items > 0)
    low, high = interval(resampled[np.isfinite(resampled)], len(contexts), level)
    return Estimate(mean.value, low, high, mean.n)


def estimate_items(rows: Sequence[tuple[float, int, str]], *, seed: int) -> Estimate:
    """Mean of rows (value, seed, context): over seeds and contexts, or over contexts if all have one seed."""
    if len({number for _, number, _ in rows}) > 1:
        return crossed_estimate(Sample.of(rows), seed=seed)
    return bootstrap_mean(((value, context) for value, _, context in rows), seed=seed)


def estimate_by_seed(by_seed: BySeed, context_of: Mapping[str, str], seed: int) -> Estimate:
    """Mean over the items of all seeds, as ``estimate_items``; n counts an item once, whatever its seeds."""
    rows = [
        (value, number, context_of[item]) for number in by_seed for item, value in by_seed[number].items()
    ]
    return replace(estimate_items(rows, seed=seed), n=_count_items(by_seed))


def share_of_items(rows: Sequence[tuple[float, int, str]], *, seed: int) -> Estimate:
    """Mean of rows (value in 0 to 1, seed, context), as ``estimate_items``; exact bounds if it is 0 or 1."""
    return with_exact_bounds(estimate_items(rows, seed=seed), len({context for _, _, context in rows}))


def share_by_seed(by_seed: BySeed, context_of: Mapping[str, str], seed: int) -> Estimate:
    """Mean of values in 0 to 1, as ``estimate_by_seed``; exact bounds if it is 0 or 1."""
    met = {context_of[item] for of_seed in by_seed.values() for item in of_seed}
    return with_exact_bounds(estimate_by_seed(by_seed, context_of, seed), len(met))


def difference_by_seed(x: BySeed, y: BySeed, context_of: Mapping[str, str], seed: int) -> Difference:
    """Mean of x − y over the items that both have, seed by seed, with its interval and p value.

    With several seeds both are those of ``CrossedMean``, with one seed those of ``paired_difference``.

    Raises:
        ValueError: both have several seeds, and not the same.
    """
    common = {
        number: {item: (of_x[item], of_y[item]) for item in of_x if item in of_y}
        for number, of_x, of_y in pair_seeds(x, y)
    }
    if len(common) == 1:
        ((_, both),) = common.items()
        of_x, of_y = ([pair[side] for pair in both.values()] for side in (0, 1))
        return paired_difference(of_x, of_y, [context_of[item] for item in both], seed=seed)
    mean = crossed_mean(
        Sample.of(
            [
                (first - second, number, context_of[item])
                for number in common
                for item, (first, second) in common[number].items()
            ]
        )
    )
    return Difference(mean.value, *mean.interval(), _count_items(common), mean.p_value())


def _count_items(by_seed: Mapping[int, Mapping[str, object]]) -> int:
    return len({item for of_seed in by_seed.values() for item in of_seed})


def pair_seeds(x: Mapping[int, Value], y: Mapping[int, Value]) -> Iterator[tuple[int, Value, Value]]:
    """Two systems seed by seed; a system with a single seed stands beside every seed of the other.

    Raises:
        ValueError: both have several seeds, and not the same.
    """
    if len(x) > 1 and len(y) > 1 and x.keys() != y.keys():
        raise ValueError(f"seeds {sorted(x)} and {sorted(y)} cannot be paired")
    for seed in sorted(x if len(x) > 1 else y):
        yield (
            seed,
            x[seed] if len(x) > 1 else next(iter(x.values())),
            y[seed] if len(y) > 1 else next(iter(y.values())),
        )


def with_exact_bounds(rate: Estimate, clusters: int, level: float = 0.95) -> Estimate:
    """The rate, with Clopper and Pearson's interval if it is 0 or 1, where resampling gives no width.

    Args:
        clusters: the number of contexts, which are the trials; with fewer than two the rate stays as it is.
    """
    if rate.value not in (0.0, 1.0) or clusters < 2:
        return rate
    exact = stats.binomtest(round(rate.value * clusters), clusters).proportion_ci(level, method="exact")
    return Estimate(rate.value, float(exact.low), float(exact.high), rate.n)


def _units(samples: Sequence[Sample]) -> tuple[pd.Index, pd.Index]:
    """The seeds and the contexts of samples, sorted."""
    return (
        pd.Index(sorted({name for part in samples for name in part.seeds})),
        pd.Index(sorted({name for part in samples for name in part.contexts})),
    )


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

"""Estimates with intervals: means, paired differences, ratings; and calibration (DESIGN §9).

Over nothing there is no number, and nothing raises: an ``Estimate`` has n 0 and nan's, a rate is None. So a
judge that never parses is a row of a table and not a crash. ``alignment`` has the numbers to be estimated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import evalica
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import permutation_test

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; low and high are nan where fewer than two clusters say anything about it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference(Estimate):
    """An ``Estimate`` of a difference and the p value of no difference."""

    p_value: float


def bootstrap_mean(
    values: Sequence[float],
    clusters: Sequence[str],
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """Mean of values and its percentile interval by the cluster bootstrap: whole contexts are resampled.

    Args:
        values: one per item (n = their number).
        clusters: the context of each item.

    Raises:
        ValueError: lengths differ or a value is not finite.
    """
    sums = _cluster_sums(np.column_stack([_finite(values), np.ones(len(values))]), clusters)
    if len(sums) == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    totals = _resampled_totals(sums, seed, resamples)
    low, high = _interval(totals[:, 0] / totals[:, 1], len(sums), level)
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

    Raises:
        ValueError: as ``bootstrap_mean``.
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} values and y {len(y)}; a paired difference needs the same items")
    differences = _finite(x) - _finite(y)
    estimate = bootstrap_mean(differences.tolist(), clusters, seed=seed, resamples=resamples, level=level)
    sums = _cluster_sums(differences[:, None], clusters)[:, 0]
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


def crossed_bootstrap(
    sample: Sample,
    less: Sample | None = None,
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """Mean of a sample, or that less the mean of another, and its interval over seeds and contexts.

    Seeds and contexts are resampled independently of one another, and an item counts as often as its seed
    was drawn times as often as its context was: the pigeonhole bootstrap for crossed factors (Owen 2007,
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
    for sign, one in zip((1, -1), samples, strict=False):
        sums, counts = _seed_by_context(one, seeds, contexts)
        value += sign * float(sums.sum() / counts.sum())
        drawn, items = (
            np.einsum("rs,sc,rc->r", draws[0], table, draws[1], optimize=True) for table in (sums, counts)
        )
        resampled += sign * np.divide(drawn, items, out=np.full(resamples, math.nan), where=items > 0)
    low, high = _interval(resampled[np.isfinite(resampled)], len(contexts), level)
    return Estimate(value, low, high, len(sample.values))


def _seed_by_context(sample: Sample, seeds: pd.Index, contexts: pd.Index) -> tuple[Floats, Floats]:
    """Sums and counts of a sample's values, each (seeds, contexts)."""
    if not len(sample.values) == len(sample.seeds) == len(sample.contexts):
        raise ValueError(
            f"{len(sample.values)} values, {len(sample.seeds)} seeds and {len(sample.contexts)} contexts; "
            "one seed and one context per value are expected"
        )
    sums, counts = np.zeros((len(seeds), len(contexts))), np.zeros((len(seeds), len(contexts)))
    cells = (seeds.get_indexer(pd.Index(sample.seeds)), contexts.get_indexer(pd.Index(sample.contexts)))
    np.add.at(sums, cells, _finite(sample.values))
    np.add.at(counts, cells, 1)
    return sums, counts


def bin_of(p: float, bins: int) -> int:
    """The number of the bin of equal width that p in [0, 1] falls into; 1 falls into the last."""
    return min(int(p * bins), bins - 1)


def expected_calibration_error(p: Sequence[float], outcome: Sequence[float], bins: int = 10) -> float | None:
    """Σ_b n_b / n · |mean p − mean outcome| over bins of equal width (Guo et al. 2017, arXiv 1706.04599).

    Raises:
        ValueError: lengths differ or a p is not in [0, 1].
    """
    predicted, observed = _finite(p), _finite(outcome)
    if len(predicted) != len(observed) or ((predicted < 0) | (predicted > 1)).any():
        raise ValueError(f"{len(p)} p's and {len(outcome)} outcomes; expected as many, and every p in [0, 1]")
    if not len(predicted):
        return None
    places = [bin_of(value, bins) for value in predicted]
    gaps = np.bincount(places, weights=predicted - observed, minlength=bins)
    return float(np.abs(gaps).sum() / len(predicted))


def _finite(values: Sequence[float]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a value is not finite: leave out what could not be had before taking a mean")
    return array


def _cluster_sums(columns: Floats, clusters: Sequence[str]) -> Floats:
    """(items, k) -> (clusters, k), clusters sorted so that the order of items changes no draw."""
    if len(columns) != len(clusters):
        raise ValueError(
            f"{len(columns)} values and {len(clusters)} clusters; one cluster per value is expected"
        )
    codes, names = pd.factorize(np.asarray(clusters, dtype=object), sort=True)
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, codes, columns)
    return sums


def _resampled_totals(sums: Floats, seed: int, resamples: int) -> Floats:
    """(clusters, k) -> (resamples, k): totals over as many clusters, drawn with replacement."""
    rng = np.random.default_rng(seed)
    n = len(sums)
    return np.stack([sums[rng.integers(n, size=n)].sum(axis=0) for _ in range(resamples)])


def _interval(resampled: Floats, clusters: int, level: float) -> tuple[float, float]:
    if clusters < 2:
        return math.nan, math.nan
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bradley_terry_ratings(
    policies_a: Sequence[str],
    policies_b: Sequence[str],
    credits: Sequence[float],
    clusters: Sequence[str],
    *,
    seed: int,
    resamples: int = 500,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Bradley–Terry ratings in Elo points (400 log10 of the strength) with mean 0 over policies; best first.

    One drawn match between every two policies is added (our choice): without it a policy that never lost has
    no finite rating, and evalica's solver gives all policies the same. Intervals by the cluster bootstrap.

    Args:
        policies_a, policies_b: the policies of each match.
        credits: ``win_credits`` of each match, for a.
        clusters: the context of each match.

    Returns:
        By policy; n is the number of its matches.

    Raises:
        ValueError: a policy meets itself, lengths differ or a credit is not finite.
    """
    if itself := {a for a, b in zip(policies_a, policies_b, strict=True) if a == b}:
        raise ValueError(f"matches of policies with themselves: {sorted(itself)}")
    policies = sorted({*policies_a, *policies_b})
    cells = [(x, y) for x in policies for y in policies if x != y]
    position = {cell: i for i, cell in enumerate(cells)}
    wins = np.zeros((len(credits), len(cells)))
    for match, (a, b, won) in enumerate(zip(policies_a, policies_b, _finite(credits), strict=True)):
        wins[match, position[a, b]] += won
        wins[match, position[b, a]] += 1 - won
    sums = _cluster_sums(wins, clusters)
    if len(sums) == 0:
        return {}
    values = _ratings(cells, sums.sum(axis=0), policies)
    resampled = np.stack(
        [_ratings(cells, total, policies) for total in _resampled_totals(sums, seed, resamples)]
    )
    estimates = {}
    for i in np.argsort(-values, kind="stable"):
        low, high = _interval(resampled[:, i], len(sums), level)
        n = [*policies_a, *policies_b].count(policies[i])
        estimates[policies[i]] = Estimate(float(values[i]), low, high, n)
    return estimates


def _ratings(cells: Sequence[tuple[str, str]], wins: Floats, policies: Sequence[str]) -> Floats:
    """Ratings (policies,) from the wins of x over y, by cell."""
    xs, ys = zip(*cells, strict=True)
    result = evalica.bradley_terry(
        xs, ys, [evalica.Winner.X] * len(cells), weights=list(wins + 0.5), tolerance=1e-9, limit=10_000
    )
    ratings = 400 * np.log10(result.scores.loc[list(policies)].to_numpy(dtype=np.float64))
    return ratings - ratings.mean()

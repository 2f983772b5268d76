"""A win rate that length cannot buy: AlpacaEval 2.0's length control (arXiv 2404.04475), without its term for
the difficulty of each prompt, which needs a leaderboard of models to be fitted.

    logit P(policy wins) = θ + φ · tanh(d / σ)

over matches, with d the policy's length less its opponent's in words and σ the standard deviation of the d's.
The length-controlled win rate is the fitted probability at d = 0, sigmoid(θ). φ has a ridge penalty φ²/2, and
θ one of θ²/200, which only keeps it finite if every match has the same result (design choice).

If nearly all stories of one policy are the longer ones, there is no match near d = 0, and θ is what the
model's form makes of the others. So there is no number if one policy has the longer story in more than 95 %
of the matches (``OVERLAP``).
"""

from __future__ import annotations

from collections.abc import Sequence

import evalica
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from rlcs.evaluation.crossed import jackknife_variance, pooled_error, t_quantile
from rlcs.evaluation.statistics import Estimate, Floats, cluster_sums, finite, interval, resampled_totals

OVERLAP = 0.05
"""Design choice: below this share of matches with the other sign, lengths hardly overlap."""

PENALTIES = np.array([0.01, 1.0])  # of θ and φ


def fit_win_model(won: Floats, length: Floats, weights: Floats) -> Floats:
    """Fit (θ, φ), which minimise the weighted cross entropy with the penalties.

    Args:
        won: (N,), results of matches in [0, 1]; length: (N,), tanh(d / σ); weights: (N,).
    """
    features = np.column_stack([np.ones_like(length), length])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logits = features @ parameters
        cost = weights @ (np.logaddexp(0.0, logits) - won * logits)
        slope = features.T @ (weights * (expit(logits) - won))
        return float(cost + (PENALTIES * parameters**2).sum() / 2), slope + PENALTIES * parameters

    return np.asarray(minimize(loss, np.zeros(2), jac=True, method="BFGS").x, dtype=float)


def length_controlled(
    won: Sequence[float],
    differences: Sequence[float],
    clusters: Sequence[str],
    seeds: Sequence[int] | None = None,
    *,
    seed: int,
    resamples: int = 200,
    level: float = 0.95,
) -> Estimate | None:
    """Length-controlled win rate and its percentile interval by the cluster bootstrap.

    It is None if the lengths of the two policies hardly overlap.

    With several seeds the interval is that of t on the logit scale: the variance of θ is the bootstrap's over
    contexts and the jackknife's over seeds ("Numbers" in docs/method.md).

    Args:
        won: results of matches for the policy, in [0, 1].
        differences: its length less its opponent's, in words.
        clusters: the context of each match.
        seeds: the seed of each match; None if there is one.

    Raises:
        ValueError: lengths differ.
    """
    if not len(won) == len(differences) == len(clusters):
        raise ValueError(f"{len(won)} results, {len(differences)} lengths, {len(clusters)} clusters")
    if not won:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    results, d = np.asarray(won, dtype=float), np.asarray(differences, dtype=float)
    if max((d > 0).mean(), (d < 0).mean()) > 1 - OVERLAP:
        return None
    length = np.tanh(d / d.std()) if d.std() > 0 else np.zeros_like(d)
    names, cluster_of = np.unique(np.asarray(clusters), return_inverse=True)

    def logit(weights: Floats) -> float:
        return float(fit_win_model(results, length, weights)[0])

    center = logit(np.ones_like(results))
    low = high = float("nan")
    if len(names) > 1:
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        logits = np.array([logit(drawn[cluster_of].astype(float)) for drawn in counts])
        low, high = np.quantile(expit(logits), [(1 - level) / 2, (1 + level) / 2])
        seed_of = np.asarray([0] * len(won) if seeds is None else seeds)
        if len(numbers := np.unique(seed_of)) > 1:
            without = np.array([logit((seed_of != number).astype(float)) for number in numbers])
            error, freedom = pooled_error(
                [(float(jackknife_variance(without)), len(numbers)), (float(logits.var(ddof=1)), len(names))]
            )
            half = t_quantile(level, freedom) * error
            low, high = expit(center - half), expit(center + half)
    return Estimate(float(expit(center)), float(low), float(high), len(results))


def bradley_terry_ratings(
    policies_a: Sequence[str],
    policies_b: Sequence[str],
    credits: Sequence[float],
    clusters: Sequence[str],
    seeds: Sequence[int] | None = None,
    *,
    seed: int,
    resamples: int = 500,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Bradley–Terry ratings in Elo points (400 log10 of the strength) with mean 0 over policies; best first.

    Design choice: one drawn match between every two policies is added. Without it a policy that never lost
    has no finite rating, and evalica's solver gives all policies the same. Intervals are by the cluster
    bootstrap; with several seeds they are those of t, with the bootstrap's variance over contexts and the
    jackknife's over seeds. A match that every seed played counts once.

    Args:
        policies_a, policies_b: the policies of each match.
        credits: ``win_credits`` of each match, for a.
        clusters: the context of each match.
        seeds: the seed of each match; None if there is one.

    Returns:
        By policy; n is the number of its matches.

    Raises:
        ValueError: a policy meets itself, lengths differ or a credit is not finite.
    """
    if reflexive := {a for a, b in zip(policies_a, policies_b, strict=True) if a == b}:
        raise ValueError(f"matches of policies with themselves: {sorted(reflexive)}")
    policies = sorted({*policies_a, *policies_b})
    ordered_pairs = [(x, y) for x in policies for y in policies if x != y]
    position = {pair: i for i, pair in enumerate(ordered_pairs)}
    wins = np.zeros((len(credits), len(ordered_pairs)))
    for match, (a, b, won) in enumerate(zip(policies_a, policies_b, finite(credits), strict=True)):
        wins[match, position[a, b]] += won
        wins[match, position[b, a]] += 1 - won
    seed_of = np.asarray([0] * len(credits) if seeds is None else seeds)
    numbers = np.unique(seed_of)
    sums = cluster_sums(wins, clusters) / max(len(numbers), 1)
    if len(sums) == 0:
        return {}
    values = _ratings(ordered_pairs, sums.sum(axis=0), policies)
    resampled = np.stack(
        [_ratings(ordered_pairs, total, policies) for total in resampled_totals(sums, seed, resamples)]
    )
    half = None
    if len(numbers) > 1 and len(sums) > 1:
        without = [wins[seed_of != number].sum(axis=0) / (len(numbers) - 1) for number in numbers]
        of_seeds = jackknife_variance(np.stack([_ratings(ordered_pairs, w, policies) for w in without]))
        variances = zip(of_seeds.tolist(), resampled.var(axis=0, ddof=1).tolist(), strict=True)
        errors = [pooled_error([(a, len(numbers)), (b, len(sums))]) for a, b in variances]
        half = [t_quantile(level, freedom) * error for error, freedom in errors]
    estimates = {}
    for i in np.argsort(-values, kind="stable"):
        low, high = interval(resampled[:, i], len(sums), level)
        if half is not None:
            low, high = values[i] - half[i], values[i] + half[i]
        n = [*policies_a, *policies_b].count(policies[i])
        estimates[policies[i]] = Estimate(float(values[i]), float(low), float(high), n)
    return estimates


def _ratings(ordered_pairs: Sequence[tuple[str, str]], wins: Floats, policies: Sequence[str]) -> Floats:
    """Ratings (policies,) from the wins of x over y for each ordered pair (x, y)."""
    xs, ys = zip(*ordered_pairs, strict=True)
    result = evalica.bradley_terry(
        xs,
        ys,
        [evalica.Winner.X] * len(ordered_pairs),
        weights=list(wins + 0.5),
        tolerance=1e-9,
        limit=10_000,
    )
    ratings = 400 * np.log10(result.scores.loc[list(policies)].to_numpy(dtype=np.float64))
    return ratings - ratings.mean()

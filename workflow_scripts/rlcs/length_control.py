"""A win rate that length cannot buy: AlpacaEval 2.0's length control (arXiv 2404.04475), without its term for
the difficulty of each prompt, which needs a leaderboard of models to be fitted.

    logit P(policy wins) = θ + φ · tanh(d / σ)

over matches, with d the policy's length less its opponent's in words and σ the standard deviation of the d's.
The length-controlled win rate is the fitted probability at d = 0, sigmoid(θ). φ has a ridge penalty φ²/2, and
θ one of θ²/200 that only keeps it finite where every match has the same result (our choice).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from rlcs.statistics import Estimate

Floats = npt.NDArray[np.float64]
PENALTIES = np.array([0.01, 1.0])  # of θ and φ


def fit(won: Floats, length: Floats, weights: Floats) -> Floats:
    """(θ, φ) that minimise the weighted cross entropy with the penalties.

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
    *,
    seed: int,
    resamples: int = 200,
    level: float = 0.95,
) -> Estimate:
    """The length-controlled win rate and its percentile interval by the cluster bootstrap.

    Args:
        won: results of matches for the policy, in [0, 1].
        differences: its length less its opponent's, in words.
        clusters: the context of each match.

    Raises:
        ValueError: lengths differ.
    """
    if not len(won) == len(differences) == len(clusters):
        raise ValueError(f"{len(won)} results, {len(differences)} lengths, {len(clusters)} clusters")
    if not won:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    results, d = np.asarray(won, dtype=float), np.asarray(differences, dtype=float)
    length = np.tanh(d / d.std()) if d.std() > 0 else np.zeros_like(d)
    names, cluster_of = np.unique(np.asarray(clusters), return_inverse=True)
    value = float(expit(fit(results, length, np.ones_like(results))[0]))
    low = high = float("nan")
    if len(names) > 1:
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        rates = [expit(fit(results, length, drawn[cluster_of].astype(float))[0]) for drawn in counts]
        low, high = (float(edge) for edge in np.quantile(rates, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(value, low, high, len(results))

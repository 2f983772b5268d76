"""A linear reward on features of a frozen model: Bradley-Terry as logistic regression on differences.

P(a beats b) = sigmoid(w · (f(a) - f(b))). With few pairs there is little else to be learned safely: a few
hundred labels fit one direction, and cross-validation chooses where in the model to look and how hard to
regularise (our choice).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

Array = NDArray[np.float64]

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of regularisation that are tried: scikit-learn's C, on features of unit variance."""


@dataclass(frozen=True)
class Choice:
    """A place in the model and a strength, with their accuracy in cross-validation."""

    place: str
    strength: float
    accuracy: float


def folds_of(groups: Sequence[str], folds: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Indices to train on and to test on, fold by fold; no group stands on both sides.

    There are fewer folds where there are fewer groups.

    Raises:
        ValueError: there is one group, or none.
    """
    distinct = len(set(groups))
    if distinct < 2:
        raise ValueError(f"cross-validation needs pairs of two contexts at least, there are {distinct}")
    split = GroupKFold(min(folds, distinct), shuffle=True, random_state=seed)
    return [
        (train.tolist(), test.tolist())
        for train, test in split.split(np.zeros(len(groups)), groups=np.array(groups))
    ]


def cross_validate(
    differences: Mapping[str, Array], folds: Sequence[tuple[list[int], list[int]]]
) -> list[Choice]:
    """Every place at every strength, the best first; of equals the first named and the most regularised.

    Args:
        differences: by place, features of the preferred story less those of the other, (pairs, features).
        folds: of ``folds_of``.
    """
    found = []
    for place, preferred in differences.items():
        for strength in STRENGTHS:
            right = sum(
                int((preferred[test] @ fit(preferred[train], strength) > 0).sum()) for train, test in folds
            )
            found.append(Choice(place, strength, right / len(preferred)))
    return sorted(found, key=lambda choice: -choice.accuracy)


def fit(preferred: Array, strength: float) -> Array:
    """w (features,), in the features' own scale.

    Args:
        preferred: features of the preferred story less those of the other, (pairs, features).
    """
    # every pair both ways round: swapping the stories must swap the verdict, so there is no intercept either
    x = np.concatenate([preferred, -preferred])
    y = np.repeat([1, 0], len(preferred))
    scale = np.sqrt(np.mean(preferred**2, axis=0))
    scale[scale == 0] = 1
    regression = LogisticRegression(C=strength, fit_intercept=False, max_iter=1000).fit(x / scale, y)
    return np.asarray(regression.coef_[0] / scale, dtype=np.float64)

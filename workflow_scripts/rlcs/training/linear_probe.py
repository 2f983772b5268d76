"""Linear reward on features of a frozen model: Bradley-Terry as logistic regression on differences.

P(a beats b) = sigmoid(w · (f(a) - f(b))). A few hundred labels can fit little more than one
direction. Design choice: cross-validation selects the position in the model and the regularisation. The best
of many scores is too good, so a probe's score is that of the whole selection, by nested cross-validation
(Varma and Simon 2006, doi 10.1186/1471-2105-7-91).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from rlcs.errors import InputError
from rlcs.judging.probe import Probe

CROSS_VALIDATION = "cross_validation.json"
"""Name of the file beside a model that says what was tried and chosen."""

Features = NDArray[np.float64]

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Candidates for the inverse strength of regularisation: scikit-learn's C, on features of unit variance."""


@dataclass(frozen=True)
class ProbeChoice:
    """A position in the model and a strength, with their accuracy in cross-validation."""

    place: str
    strength: float
    accuracy: float


def split_folds(groups: Sequence[str], folds: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Split indices into training and test ones, fold by fold; no group stands on both sides.

    There are at most as many folds as groups.

    Raises:
        InputError: there is one group, or none.
    """
    distinct = len(set(groups))
    if distinct < 2:
        raise InputError(
            f"cross-validation needs pairs of two contexts at least, there are {distinct}: bring more "
            "contexts (four are enough for a probe, which is cross-validated within each fold too), or "
            "another way to train"
        )
    split = GroupKFold(min(folds, distinct), shuffle=True, random_state=seed)
    return [
        (train.tolist(), test.tolist())
        for train, test in split.split(np.zeros(len(groups)), groups=np.array(groups))
    ]


def cross_validate(
    differences: Mapping[str, Features], folds: Sequence[tuple[list[int], list[int]]]
) -> list[ProbeChoice]:
    """Cross-validate every position at every strength; the best is first.

    Of equals, the position named first and the strongest regularisation come first.

    Args:
        differences: by position, features of the preferred story less those of the other, (pairs, features).
        folds: as ``split_folds`` returns them.
    """
    choices = []
    for position, preferred in differences.items():
        for strength in STRENGTHS:
            right = sum(
                int((preferred[test] @ fit_probe(preferred[train], strength) > 0).sum())
                for train, test in folds
            )
            choices.append(ProbeChoice(position, strength, right / len(preferred)))
    return sorted(choices, key=lambda choice: -choice.accuracy)


def nested_accuracy(
    differences: Mapping[str, Features], groups: Sequence[str], folds: int, seed: int
) -> float:
    """Accuracy of the selection among all positions and strengths, on pairs that it has not seen.

    Each fold is judged by the probe that cross-validation within the other folds selects.

    Args:
        differences: as in ``cross_validate``.
        groups: as in ``split_folds``, for the folds without and within.

    Raises:
        InputError: the pairs outside of a fold have one group, as is possible with fewer than four groups.
    """
    right = 0
    for train, test in split_folds(groups, folds, seed):
        seen = {position: preferred[train] for position, preferred in differences.items()}
        best = cross_validate(seen, split_folds([groups[i] for i in train], folds, seed))[0]
        weights = fit_probe(seen[best.place], best.strength)
        right += int((differences[best.place][test] @ weights > 0).sum())
    return right / len(groups)


def select_probe(
    differences: Mapping[str, Features], folds: Sequence[tuple[list[int], list[int]]]
) -> tuple[Probe, dict[str, Any]]:
    """Fit the probe that ``cross_validate`` puts first on all pairs; arguments as there.

    Returns:
        The probe, and its position and strength with ``variant_accuracy``, which is its own in
        cross-validation and too good, the best of all. ``places`` has the best at each position.
    """
    choices = cross_validate(differences, folds)
    best = choices[0]
    by_position: dict[str, float] = {}
    for choice in choices:
        by_position.setdefault(choice.place, round(choice.accuracy, 4))
    return Probe(best.place, fit_probe(differences[best.place], best.strength)), {
        "place": best.place,
        "strength": best.strength,
        "variant_accuracy": round(best.accuracy, 4),
        "places": by_position,
    }


def fit_probe(preferred: Features, strength: float) -> Features:
    """Fit w (features,), in the features' own scale.

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

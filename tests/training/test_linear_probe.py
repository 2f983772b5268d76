"""Logistic regression on differences: what it finds, and that no fold parts a context."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.training.linear_probe import cross_validate, fit_probe, split_folds

RNG = np.random.default_rng(0)
TRUTH = np.array([2.0, -1.0, 0.0, 0.0])


def preferred(n, noise, scale=1.0):
    """Differences of features, oriented by a noisy linear preference."""
    x = RNG.normal(size=(n, 4))
    sign = np.sign(x @ TRUTH + noise * RNG.normal(size=n))
    return x * sign[:, None] * scale


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=40).filter(lambda g: len(set(g)) > 1))
def test_no_context_stands_on_both_sides_and_every_pair_is_tested_once(groups):
    folds = split_folds(groups, 5, seed=0)
    assert sorted(i for _, test in folds for i in test) == list(range(len(groups)))
    for train, test in folds:
        assert {groups[i] for i in train}.isdisjoint(groups[i] for i in test)
        assert sorted(train + test) == list(range(len(groups)))


def test_folds_depend_on_the_seed_alone():
    groups = [str(n // 2) for n in range(40)]
    assert split_folds(groups, 5, 1) == split_folds(groups, 5, 1) != split_folds(groups, 5, 2)


def test_one_context_cannot_be_divided():
    with pytest.raises(ValueError, match="two contexts at least, there are 1"):
        split_folds(["a", "a"], 5, 0)


def test_the_place_that_knows_is_chosen():
    told, folds = preferred(200, 0.5), split_folds([str(n) for n in range(200)], 5, 0)
    choices = cross_validate({"noise": RNG.normal(size=(200, 4)), "signal": told}, folds)
    assert choices[0].place == "signal"
    assert choices[0].accuracy > 0.8
    assert max(choice.accuracy for choice in choices if choice.place == "noise") < 0.65


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_weights_speak_of_the_features_as_they_are(scale):
    told = preferred(400, 0.3, scale)
    fresh = preferred(400, 0.0, scale)
    weights = fit_probe(told, 1.0)
    assert np.mean(fresh @ weights > 0) > 0.95
    assert np.mean(told @ weights) == pytest.approx(
        np.mean(told / scale @ fit_probe(told / scale, 1.0)), rel=0.01
    )


def test_a_single_feature_and_a_pair_of_pairs_are_enough():
    assert fit_probe(np.array([[1.0], [2.0]]), 1.0) > 0

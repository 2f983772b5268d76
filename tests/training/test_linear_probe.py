"""Logistic regression on differences: what it finds, and that no fold parts a context."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.errors import InputError
from rlcs.training.linear_probe import cross_validate, fit_probe, nested_accuracy, split_folds

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
    with pytest.raises(InputError, match="two contexts at least, there are 1"):
        split_folds(["a", "a"], 5, 0)


@pytest.mark.parametrize(
    ("contexts", "folds", "enough"), [(4, 2, True), (3, 3, True), (3, 2, False), (2, 5, False)]
)
def test_a_fold_within_a_fold_needs_two_contexts(contexts, folds, enough):
    given = {"one": RNG.normal(size=(contexts, 1))}, [str(n) for n in range(contexts)], folds, 0
    if enough:
        assert 0 <= nested_accuracy(*given) <= 1
    else:
        with pytest.raises(InputError, match="there are 1: bring more contexts"):
            nested_accuracy(*given)


def test_a_selection_from_noise_is_right_half_the_time_though_its_best_variant_seems_better():
    """The best of 30 variants is far above chance where there is nothing to find; the selection is not."""
    groups = [str(n // 2) for n in range(40)]
    best, selection = [], []
    for seed in range(4):
        noise = np.random.default_rng(seed).normal(size=(6, 40, 3))
        differences = {str(place): values for place, values in enumerate(noise)}
        best.append(cross_validate(differences, split_folds(groups, 5, seed))[0].accuracy)
        selection.append(nested_accuracy(differences, groups, 5, seed))
    assert np.mean(best) > 0.6
    assert np.mean(selection) == pytest.approx(0.5, abs=0.08)


def test_a_selection_that_always_finds_the_same_probe_scores_as_that_does():
    """Every strength gives a single feature the same verdicts, so there is nothing to choose."""
    one = {"one": preferred(60, 2.0)[:, :1]}
    groups = [str(n // 3) for n in range(60)]
    alone = cross_validate(one, split_folds(groups, 4, 1))[0].accuracy
    assert nested_accuracy(one, groups, 4, 1) == pytest.approx(alone)


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

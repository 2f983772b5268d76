import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.evaluation import statistics
from rlcs.evaluation.calibration import expected_calibration_error
from rlcs.evaluation.crossed import Sample, crossed_estimate
from rlcs.evaluation.ratings import bradley_terry_ratings
from rlcs.evaluation.statistics import bootstrap_mean, paired_difference

items = st.lists(st.tuples(st.floats(-1, 1), st.sampled_from("cdefgh")), min_size=1, max_size=30)


def close(x, y):
    return dataclasses.astuple(x) == pytest.approx(dataclasses.astuple(y), nan_ok=True)


@pytest.mark.parametrize("kept", [0, 100_000])
def test_draws_are_the_same_in_blocks_of_any_size(kept, monkeypatch):
    sums = np.column_stack([np.arange(40.0), np.ones(40)])
    monkeypatch.setattr(statistics, "KEPT", kept)
    totals = []
    for block in (1, 100, 10_000):
        monkeypatch.setattr(statistics, "BLOCK", block)
        statistics._counts.cache_clear()
        totals.append(statistics.resampled_totals(sums, seed=3, resamples=25))
    rng = np.random.default_rng(3)
    expected = [sums[rng.integers(40, size=40)].sum(axis=0) for _ in range(25)]
    assert all(np.array_equal(total, expected) for total in totals)


def test_many_clusters_take_little_memory(monkeypatch):
    sums = np.ones((20_000, 2))
    monkeypatch.setattr(statistics, "BLOCK", 100_000)
    tracemalloc.start()
    statistics.resampled_totals(sums, seed=0, resamples=500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6  # in double precision the draws alone are 80 megabytes


@given(items, st.integers(0, 10), st.randoms(use_true_random=False))
def test_mean_is_the_mean_its_interval_is_of_the_values_and_the_order_of_items_does_not_count(
    rows, seed, shuffler
):
    values, clusters = zip(*rows, strict=True)
    estimate = bootstrap_mean(rows, seed=seed, resamples=50)
    assert estimate.value == pytest.approx(np.mean(values))
    assert estimate.n == len(values)
    if len(set(clusters)) > 1:
        assert min(values) - 1e-9 <= estimate.low <= estimate.high <= max(values) + 1e-9
    else:
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
    shuffler.shuffle(rows)
    assert close(bootstrap_mean(rows, seed=seed, resamples=50), estimate)


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        effect = rng.normal(size=40).repeat(5)  # 40 contexts of 5 like items
        estimate = bootstrap_mean(zip(effect, np.arange(200) // 5, strict=True), seed=seed, resamples=300)
        covered += estimate.low <= 0 <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_items_of_one_context_are_not_independent():
    values = [0.0, 1.0] * 50
    apart = bootstrap_mean([(value, str(i)) for i, value in enumerate(values)], seed=0)
    together = bootstrap_mean([(value, str(i // 10)) for i, value in enumerate(sorted(values))], seed=0)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_a_wider_level_gives_a_wider_interval():
    rows = [(value, str(i)) for i, value in enumerate([0.0, 1.0, 1.0, 0.0, 1.0] * 4)]
    narrow, wide = (bootstrap_mean(rows, seed=0, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_over_nothing_there_is_no_number():
    for estimate in (bootstrap_mean([], seed=0), paired_difference([], [], [], seed=0)):
        assert estimate.n == 0
        assert math.isnan(estimate.value)
    assert math.isnan(paired_difference([], [], [], seed=0).p_value)
    assert expected_calibration_error([], []) is None
    assert bradley_terry_ratings([], [], [], [], seed=0) == {}


@given(items)
def test_the_same_twice_differs_by_nothing(rows):
    values, clusters = zip(*rows, strict=True)
    difference = paired_difference(values, values, clusters, seed=0, resamples=20)
    assert (difference.value, difference.p_value) == (0, 1)


@pytest.mark.parametrize("contexts", [8, 60])
def test_p_value_of_a_difference_in_every_context(contexts):
    clusters = [str(i) for i in range(contexts)]
    x, y = [1.0] * contexts, [0.0] * contexts
    difference = paired_difference(x, y, clusters, seed=0)
    assert (difference.value, difference.low, difference.high, difference.n) == (1, 1, 1, contexts)
    assert difference.p_value == pytest.approx(2 / 2**contexts, abs=3e-4)
    assert paired_difference(y, x, clusters, seed=0).p_value == pytest.approx(difference.p_value, abs=3e-4)


def test_p_values_are_even_where_nothing_differs():
    rng = np.random.default_rng(0)
    clusters = [str(i // 2) for i in range(40)]
    p_values = [
        paired_difference(rng.normal(size=40), np.zeros(40), clusters, seed=seed, resamples=2).p_value
        for seed in range(100)
    ]
    assert np.mean(np.array(p_values) < 0.2) == pytest.approx(0.2, abs=0.12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bootstrap_mean([(math.nan, "c")], seed=0),
        lambda: paired_difference([1.0], [1.0], ["c", "d"], seed=0),
        lambda: paired_difference([1.0], [1.0, 2.0], ["c"], seed=0),
        lambda: expected_calibration_error([0.5], []),
        lambda: expected_calibration_error([1.5], [1]),
        lambda: bradley_terry_ratings(["x"], ["x"], [1.0], ["c"], seed=0),
        lambda: bradley_terry_ratings(["x"], ["y"], [], ["c"], seed=0),
    ],
)
def test_what_cannot_be_counted_is_refused(call):
    with pytest.raises(ValueError, match=r".+"):
        call()


@pytest.mark.parametrize(
    ("p", "outcome", "expected"),
    [
        ([0.0, 1.0], [0, 1], 0),
        ([1.0, 1.0], [0, 0], 1),
        ([0.75] * 4, [1, 1, 1, 0], 0),
        ([0.8, 0.8], [1, 0], 0.3),
        ([0.12, 0.18, 0.95], [0, 0, 1], 0.35 / 3),
    ],
)
def test_expected_calibration_error(p, outcome, expected):
    assert expected_calibration_error(p, outcome) == pytest.approx(expected)


def test_ratings_follow_the_wins():
    matches = [("x", "y", 1.0)] * 3 + [("x", "y", 0.0)] + [("y", "z", 0.75)] * 8
    a, b, credits = zip(*matches, strict=True)
    ratings = bradley_terry_ratings(a, b, credits, [str(i) for i in range(12)], seed=0, resamples=50)
    assert list(ratings) == ["x", "y", "z"]
    assert sum(r.value for r in ratings.values()) == pytest.approx(0, abs=1e-6)
    assert [r.n for r in ratings.values()] == [4, 12, 8]
    for rating in ratings.values():
        assert rating.low <= rating.value <= rating.high


def test_rating_difference_of_two_is_the_log_odds_of_wins():
    ratings = bradley_terry_ratings(
        ["x"] * 4, ["y"] * 4, [1.0, 1.0, 1.0, 0.0], list("cdef"), seed=0, resamples=2
    )
    odds = (3 + 0.5) / (1 + 0.5)
    assert ratings["x"].value - ratings["y"].value == pytest.approx(400 * math.log10(odds), abs=1e-3)


@given(st.lists(st.tuples(st.sampled_from(["xy", "yz", "zx"]), st.sampled_from([0, 0.5, 1])), min_size=1))
def test_ratings_do_not_depend_on_who_is_named_first(matches):
    a, b, credits = zip(*((pair[0], pair[1], won) for pair, won in matches), strict=True)
    clusters = [str(i) for i in range(len(matches))]
    one = bradley_terry_ratings(a, b, credits, clusters, seed=0, resamples=3)
    other = bradley_terry_ratings(b, a, [1 - won for won in credits], clusters, seed=0, resamples=3)
    for policy, rating in one.items():
        assert dataclasses.astuple(other[policy]) == pytest.approx(
            dataclasses.astuple(rating), abs=1e-3, nan_ok=True
        )


def test_a_policy_that_never_lost_has_a_finite_rating_above_the_others():
    ratings = bradley_terry_ratings(["x"] * 30, ["y"] * 30, [1.0] * 30, [str(i) for i in range(30)], seed=0)
    assert 100 < ratings["x"].value - ratings["y"].value < 2000


def crossed(table, **options):
    """Of a (seeds, contexts) table of values."""
    rows = [(value, s, f"c{c}") for s, row in enumerate(table) for c, value in enumerate(row)]
    return crossed_estimate(Sample(*zip(*rows, strict=True)), **options)


def test_with_one_seed_the_crossed_estimate_is_that_over_contexts():
    values = np.random.default_rng(0).normal(size=200)
    crossed_over, over_contexts = (
        crossed([values], seed=0),
        bootstrap_mean([(value, f"c{i}") for i, value in enumerate(values)], seed=0),
    )
    assert crossed_over.value == pytest.approx(over_contexts.value)
    assert (crossed_over.low, crossed_over.high) == pytest.approx(
        (over_contexts.low, over_contexts.high), abs=0.02
    )
    assert crossed_over.n == 200


def test_what_differs_between_seeds_widens_the_interval_however_many_contexts_there_are():
    rng = np.random.default_rng(0)
    shift = np.array([-0.1, -0.05, 0.0, 0.05, 0.1])[:, None]
    noise = rng.normal(scale=0.1, size=(1, 2000))
    alike, apart = crossed(np.repeat(noise, 5, axis=0), seed=0), crossed(noise + shift, seed=0)
    assert apart.high - apart.low > 5 * (alike.high - alike.low)
    assert apart.high - apart.low == pytest.approx(
        2 * 2.776 * np.std(shift, ddof=1) / np.sqrt(5), rel=0.1
    )  # t, 4 degrees of freedom


def test_what_differs_between_contexts_widens_the_interval_however_many_seeds_there_are():
    contexts = np.random.default_rng(0).normal(size=(1, 50))
    once, often = crossed(contexts, seed=0), crossed(np.repeat(contexts, 20, axis=0), seed=0)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)


def test_the_crossed_interval_covers_as_often_as_it_says_or_more():
    rng = np.random.default_rng(0)
    covered = 0
    for number in range(200):
        table = rng.normal(size=(12, 1)) + rng.normal(size=(1, 30)) + rng.normal(size=(12, 30))
        estimate = crossed(table, seed=number, resamples=300)
        covered += estimate.low <= 0 <= estimate.high
    assert 0.88 <= covered / 200 <= 1


def test_a_difference_of_means_draws_seeds_and_contexts_once_for_both():
    table = np.random.default_rng(0).normal(size=(4, 30))
    rows = [(v, s, f"c{c}") for s, row in enumerate(table) for c, v in enumerate(row)]
    values, seeds, contexts = zip(*rows, strict=True)
    higher = Sample([v + 1 for v in values], seeds, contexts)
    difference = crossed_estimate(higher, Sample(values, seeds, contexts), seed=0)
    assert (difference.value, difference.low, difference.high) == pytest.approx((1, 1, 1))


def test_crossed_samples_that_are_empty_or_of_unlike_lengths():
    empty = Sample([], [], [])
    assert crossed_estimate(empty, seed=0).n == 0
    assert crossed_estimate(Sample([1.0], [1], ["c"]), empty, seed=0).n == 0
    assert math.isnan(crossed_estimate(Sample([1.0], [1], ["c"]), seed=0).low)
    with pytest.raises(ValueError, match="2 values, 1 seeds and 2 contexts"):
        crossed_estimate(Sample([1.0, 2.0], [1], ["c", "d"]), seed=0)

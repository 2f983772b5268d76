"""Estimates over seeds and contexts: a seed is a unit, whatever number of contexts stands beside it."""

import numpy as np
import pytest

from rlcs.evaluation import crossed
from rlcs.evaluation.alignment import alignment_table
from rlcs.evaluation.baselines import Baselines
from rlcs.evaluation.dimensions import dimension_table, labelled_scores
from rlcs.evaluation.injections import PLAIN, injected_pairs, injection_table
from rlcs.evaluation.ratings import bradley_terry_ratings, length_controlled
from rlcs.evaluation.statistics import Estimate
from rlcs.evaluation.win_rates import win_rate_matrix
from rlcs.records import ORDERS, Judgement

CONTEXTS, SEEDS = 60, (1, 2, 3)


def pairs(n=CONTEXTS):
    return [
        {
            "pair_id": f"p{i}",
            "context_id": f"c{i}",
            "story_a": f"one {i}",
            "story_b": "two",
            "label": "a",
            "split": "test",
        }
        for i in range(n)
    ]


def judgements(right, judge="judge"):
    """Judgements in both orders of pairs whose label is a; ``right`` says for each pair if a is preferred."""
    return [
        Judgement(f"p{i}", order, judge, "a" if good else "b")
        for i, good in enumerate(right)
        for order in ORDERS
    ]


def recipe(rng, difficulty, spread, seeds=SEEDS):
    """A recipe's judgements by seed: each seed has its own skill, and contexts are hard for all."""
    return {
        seed: judgements(rng.normal(size=len(difficulty)) < 0.5 + skill - difficulty)
        for seed, skill in zip(seeds, spread * rng.normal(size=len(seeds)), strict=True)
    }


def test_equal_recipes_over_three_seeds_seldom_differ_and_intervals_cover_the_truth():
    rng = np.random.default_rng(0)
    tables, significant, covered = 200, 0, 0
    labels = {pair["pair_id"]: 1.0 for pair in pairs()}
    context_of = {pair["pair_id"]: pair["context_id"] for pair in pairs()}
    for number in range(tables):
        difficulty = rng.normal(scale=0.5, size=CONTEXTS)
        x, y = (
            {
                seed: {j.pair_id: float(j.verdict == "a") for j in judged if j.pair_id in labels}
                for seed, judged in recipe(rng, difficulty, spread=0.4).items()
            }
            for _ in range(2)
        )
        difference = crossed.difference_by_seed(x, y, context_of, number)
        significant += difference.p_value < 0.05
        covered += difference.low <= 0 <= difference.high
        assert (difference.p_value < 0.05) == (not difference.low <= 0 <= difference.high)
    assert significant / tables <= 0.1
    assert covered / tables >= 0.9


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.03, 0.3])
def test_the_interval_of_a_mean_covers_whatever_the_share_of_the_seeds(seeds, spread):
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        table = spread * rng.normal(size=(seeds, 1)) + 0.2 * rng.normal(size=(1, 100))
        table = table + 0.5 * rng.normal(size=(seeds, 100))
        rows = [(value, s, f"c{c}") for s, row in enumerate(table) for c, value in enumerate(row)]
        estimate = crossed.crossed_estimate(crossed.Sample.of(rows), seed=0)
        covered += estimate.low <= 0 <= estimate.high
    assert covered / 200 >= 0.9


def width(estimate):
    return estimate.high - estimate.low


def align(judged):
    return alignment_table(judged, pairs(), Baselines.fit(pairs()), {}, seed=0, reward_model="bt").set_index(
        "system"
    )


GOOD, POOR = [True] * 55 + [False] * 5, [True] * 5 + [False] * 55
ALIKE = {seed: judgements([i % 10 < 8 for i in range(CONTEXTS)]) for seed in SEEDS}
APART = dict(zip(SEEDS, map(judgements, (GOOD, POOR, GOOD)), strict=True))


def test_alignment_has_seeds_as_units():
    alike, apart = align({"bt": ALIKE, "x": ALIKE}).loc["x"], align({"bt": ALIKE, "x": APART}).loc["x"]
    for column in ("accuracy", "over_length"):
        assert width(apart[column]) > 3 * width(alike[column]), column
    assert apart["accuracy"].n == CONTEXTS
    assert width(apart["difference"]) > 0.5
    assert apart["p_value"] > 0.05
    assert apart["p_over_bt"] > 0.05
    one_sided = {
        seed: [
            Judgement(f"p{i}", order, "x", "a" if seed > 1 or order == "ab" else "b")
            for i in range(CONTEXTS)
            for order in ORDERS
        ]
        for seed in SEEDS
    }
    row = align({"x": one_sided}).loc["x"]
    assert width(row["flip_rate"]) > 0.5
    assert width(row["first_share"]) > 0.2


def test_one_seed_stands_beside_several():
    frame = align({"teacher": {1: judgements(GOOD)}, "x": APART})
    assert frame.loc["x", "difference"].value == pytest.approx((0 - 50 / 60 + 0) / 3)
    assert frame.loc["x", "p_value"] > 0.05


def matches():
    return [
        {
            "match_id": f"p{i}",
            "context_id": f"c{i}",
            "policy_a": "x",
            "policy_b": "sft",
            "sample": 0,
        }
        for i in range(CONTEXTS)
    ]


def test_win_rates_have_seeds_as_units():
    def rate(judged):
        frame = win_rate_matrix(matches(), {"oracle": judged}, [], policies=["x", "sft"], seed=0)
        return frame["win_rate"][0]

    assert width(rate(APART)) > 3 * width(rate(ALIKE))
    assert rate(APART).n == CONTEXTS


def test_ratings_have_seeds_as_units_and_their_values_do_not_grow_with_the_seeds():
    def ratings(rights):
        rows = [
            (float(good), f"c{i}", seed) for seed, right in rights.items() for i, good in enumerate(right)
        ]
        credits, contexts, seeds = zip(*rows, strict=True)
        sides = ["x"] * len(rows), ["y"] * len(rows)
        return bradley_terry_ratings(*sides, credits, contexts, seeds, seed=0, resamples=100)["x"]

    one, alike = ratings({1: GOOD}), ratings(dict.fromkeys(SEEDS, GOOD))
    assert alike.value == pytest.approx(one.value)
    assert width(alike) == pytest.approx(width(one), rel=0.25)
    assert width(ratings({1: GOOD, 2: POOR, 3: GOOD})) > 5 * width(alike)


def test_length_control_has_seeds_as_units():
    def rate(rights):
        rows = [
            (float(good), (-1.0) ** i * (1 + i % 7), f"c{i}", seed)
            for seed, right in rights.items()
            for i, good in enumerate(right)
        ]
        return length_controlled(*zip(*rows, strict=True), seed=0, resamples=50)

    alike, apart = rate(dict.fromkeys(SEEDS, GOOD)), rate({1: GOOD, 2: POOR, 3: GOOD})
    assert 0 <= apart.low < apart.value < apart.high <= 1
    assert width(apart) > 3 * width(alike)


def test_dimensions_have_seeds_as_units():
    def score(points):
        judged = {
            seed: [
                Judgement(f"p{i}", "ab", "j", "a", analysis=f"Coherence: {value + i % 2} 5")
                for i in range(CONTEXTS)
            ]
            for seed, value in zip(SEEDS, points, strict=True)
        }
        table = dimension_table({"j": judged}, matches(), [], ["x"], labelled_scores, seed=0)
        return table["coherence"][0]

    assert width(score((2, 5, 8))) > 3 * width(score((5, 5, 5)))


def test_injections_have_seeds_as_units():
    def row(moved):
        tried = injected_pairs(pairs(), {PLAIN: "", "braces": "{}"})
        judged = {
            seed: [
                Judgement(pair["pair_id"], order, "j", "a" if good and "braces" in pair["pair_id"] else "b")
                for pair in tried
                for order in ORDERS
            ]
            for seed, good in zip(SEEDS, moved, strict=True)
        }
        shown = [{"judge": "j", "injection": name, "structure_kept": True} for name in (PLAIN, "braces")]
        context_of = {pair["pair_id"]: pair["context_id"] for pair in pairs()}
        return injection_table({"j": judged}, shown, context_of, seed=0).set_index("injection").loc["braces"]

    apart = row((True, False, False))
    assert apart["over_plain"].value == pytest.approx(1 / 3)
    assert width(apart["over_plain"]) > 0.5
    assert apart["over_plain"].p_value > 0.05
    assert width(apart["injected_wins"]) > 0.5


def test_intervals_stay_within_what_a_mean_can_be():
    rows = [(float(seed == 1), seed, f"c{i}") for seed in SEEDS for i in range(9)]
    estimate = crossed.estimate_items(rows, seed=0)
    assert (estimate.low, estimate.high) == (0, 1)


def test_with_one_context_there_is_no_interval():
    estimate = crossed.estimate_items([(0.0, 1, "c"), (1.0, 2, "c")], seed=0)
    assert estimate.value == 0.5
    assert np.isnan([estimate.low, estimate.high]).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_rate_of_nothing_or_all_has_an_exact_interval(value):
    exact = crossed.with_exact_bounds(Estimate(value, value, value, 40), 20)
    bound = 1 - 0.025 ** (1 / 20)  # Clopper and Pearson for 0 of 20
    assert (exact.low, exact.high) == pytest.approx((0, bound) if value == 0 else (1 - bound, 1))
    assert (exact.value, exact.n) == (value, 40)
    half = Estimate(0.5, 0.4, 0.6, 40)
    assert crossed.with_exact_bounds(half, 20) is half

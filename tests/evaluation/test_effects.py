"""Claims as data: metrics on judgements that are known by heart, and when a claim holds."""

import math

import pytest

from rlcs.config.tables import METRICS, EffectConfig
from rlcs.evaluation.effects import (
    OBSERVE,
    Evidence,
    decide_claim,
    describe_expectation,
    effects_table,
    holm,
)
from rlcs.evaluation.statistics import Estimate
from rlcs.records import ORDERS, Judgement

PAIRS = [f"p{n}" for n in range(40)]
LABELS = dict.fromkeys(PAIRS, "a")
CONTEXTS = {pair: f"c{n // 2}" for n, pair in enumerate(PAIRS)}


def judgements(verdicts, judge="judge"):
    """A pair's verdicts in ab and ba, as two letters: a, b, t (tie) or - (none)."""
    words = {"a": "a", "b": "b", "t": "tie", "-": "none"}
    return [
        Judgement(pair, order, judge, words[letter])
        for pair, letters in zip(PAIRS, verdicts, strict=False)
        for order, letter in zip(ORDERS, letters, strict=True)
    ]


def evidence(**judged):
    said = {name: {seed: judgements(v) for seed, v in seeds.items()} for name, seeds in judged.items()}
    return Evidence(judged=said, labels=LABELS, contexts=CONTEXTS)


def observed(metric, evidence, *systems):
    return OBSERVE[metric](evidence, systems)


def test_every_metric_is_told_its_systems():
    assert METRICS.keys() == OBSERVE.keys()


def test_accuracy_differs_pair_by_pair_and_seed_by_seed():
    found = evidence(
        x={1: ["aa", "ab", "--"], 2: ["aa", "aa", "aa"]}, y={1: ["bb", "aa", "aa"], 2: ["aa", "tt", "-a"]}
    )
    (sample,) = observed("accuracy_difference", found, "x", "y")
    assert sample.values == (1.0, -0.5, 0.0, 0.5, 0.0)
    assert sample.seeds == (1, 1, 2, 2, 2)
    assert sample.contexts == ("c0", "c0", "c0", "c0", "c1")


def test_a_judge_without_seeds_stands_beside_every_seed():
    found = evidence(teacher={1: ["ab"]}, x={1: ["aa"], 2: ["bb"]})
    (sample,) = observed("accuracy_difference", found, "x", "teacher")
    assert (sample.values, sample.seeds) == ((0.5, -0.5), (1, 2))
    (turned,) = observed("accuracy_difference", found, "teacher", "x")
    assert turned.values == (-0.5, 0.5)


def test_different_seeds_cannot_be_paired():
    found = evidence(x={1: ["aa"], 2: ["aa"]}, y={1: ["aa"], 3: ["aa"]})
    with pytest.raises(ValueError, match=r"seeds \[1, 2\] and \[1, 3\] cannot be paired"):
        observed("accuracy_difference", found, "x", "y")


def test_flips_of_every_seed():
    (sample,) = observed("flip_rate", evidence(x={1: ["ab", "aa", "-a"], 2: ["tt", "ta"]}), "x")
    assert (sample.values, sample.seeds) == ((1.0, 0.0, 0.0, 1.0), (1, 1, 2, 2))


def test_accuracy_of_p_over_both_orders_as_a_share_and_as_a_difference():
    def sure(*p_of_first):
        return [
            Judgement(pair, order, "x", "a" if order == "ab" else "b", p_a=p if order == "ab" else 1 - p)
            for pair, both in zip(PAIRS, p_of_first, strict=False)
            for order, p in zip(ORDERS, both, strict=True)
        ]

    found = Evidence(
        judged={
            "x": {1: sure((0.9, 0.6), (0.6, 0.9)), 2: sure((0.9, 0.6), (0.9, 0.6))},
            "teacher": {1: judgements(["aa", "ta"])},  # no p: its verdicts stand for one
        },
        labels=LABELS,
        contexts=CONTEXTS,
    )
    (sample,) = observed("accuracy_both_orders", found, "x")
    assert (sample.values, sample.seeds) == ((1, 0, 1, 1), (1, 1, 2, 2))
    (sample,) = observed("accuracy_both_orders", found, "teacher")
    assert sample.values == (1, 1)  # a tie and a win are a win together
    (sample,) = observed("accuracy_both_orders_difference", found, "x", "teacher")
    assert (sample.values, sample.contexts) == ((0, -1, 0, 0), ("c0",) * 4)


def test_kept_chains_against_all_that_can_be_read():
    found = Evidence(
        train_judged={
            "teacher": {1: judgements(["aa", "ab", "-b", "bb"])},  # the last pair has no label
            "oracle": {1: judgements(["aa", "aa", "bb"])},
        },
        filtered={"teacher": frozenset({"p0"})},
        labels={pair: LABELS[pair] for pair in PAIRS[:3]},
        contexts=CONTEXTS,
    )
    kept, every = observed("chain_correctness", found, "teacher", "oracle")
    assert list(kept.values) == [1, 1]
    assert list(every.values) == [1, 1, 1, 0, 1]


def effect(**changes):
    given = {"claim": "x beats y", "metric": "accuracy_difference", "systems": ["x", "y"], "above": 0}
    return EffectConfig.model_validate(given | changes)


@pytest.mark.parametrize(
    ("changes", "low", "high", "said"),
    [
        ({}, 0.01, 0.03, "holds"),
        ({}, -0.01, 0.03, "does not hold"),
        ({}, 0.0, 0.03, "does not hold"),
        ({"at_least": 4}, 0.01, 0.03, "holds, but smaller than at_least"),
        ({"at_least": 2}, 0.01, 0.03, "holds"),
        ({"above": -2, "below": 2}, -0.01, 0.01, "holds"),
        ({"above": -2, "below": 2}, -0.01, 0.03, "does not hold"),
        ({"above": None, "below": 15}, 0.1, 0.14, "holds"),
        ({"above": None, "below": 15}, 0.1, 0.16, "does not hold"),
        ({}, math.nan, math.nan, "cannot be said"),
    ],
)
def test_a_claim_holds_where_the_whole_interval_is_as_expected(changes, low, high, said):
    assert decide_claim(effect(**changes), Estimate((low + high) / 2, low, high, 9), seeds=3) == said


@pytest.mark.parametrize(
    ("changes", "seeds", "low", "high", "verdict"),
    [
        ({}, 1, 0.01, 0.03, "too few seeds"),
        ({}, 2, 0.01, 0.03, "too few seeds"),
        ({}, 2, -0.01, 0.03, "does not hold"),
        ({"above": -2, "below": 2}, 3, 0.0, 0.0, "cannot be said"),
        ({"metric": "chain_correctness"}, 1, 0.01, 0.03, "holds"),  # a teacher's chains have no seeds
    ],
)
def test_a_claim_needs_three_seeds_and_an_interval_with_a_width(changes, seeds, low, high, verdict):
    assert decide_claim(effect(**changes), Estimate(low, low, high, 9), seeds) == verdict


def test_no_flips_in_forty_pairs_are_not_no_flips_at_all():
    table = effects_table(
        [effect(metric="flip_rate", systems=["x"], above=None, below=15)] * 2,
        evidence(x=dict.fromkeys((1, 2, 3), ["aa"] * 40)),
        seed=0,
    )
    flips = table["effect"][0]
    assert (flips.value, flips.low) == (0, 0)
    assert flips.high == pytest.approx(1 - 0.025 ** (1 / 20))  # 40 pairs of 20 contexts
    assert table["holds"][0] == "does not hold"
    assert table["p_holm"][0] == pytest.approx(2 * 2 * 0.85**20)  # exact, two-sided, of two claims


def test_holm_by_hand():
    assert holm([0.04, 0.01, None, 0.03]) == pytest.approx([0.06, 0.03, None, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_three_seeds_can_reach_a_small_p_among_many_claims():
    better = ["aa"] * 34 + ["bb"] * 6
    found = evidence(x=dict.fromkeys((1, 2, 3), better), y=dict.fromkeys((1, 2, 3), better[::-1]))
    worse = evidence(
        x={s: ["aa"] * (38 - s % 2) + ["bb"] * (2 + s % 2) for s in (1, 2, 3)},
        y={s: ["bb"] * 20 + ["ab"] * 20 for s in (1, 2, 3)},
    )
    assert effects_table([effect()], found, seed=0)["p_holm"][0] == 1.0
    table = effects_table([effect(claim=str(n)) for n in range(40)], worse, seed=0)
    assert table["p_holm"].max() < 0.05
    assert list(table["seeds"]) == [3] * 40
    one = effects_table([effect()], evidence(x={1: better}, y={1: ["bb"] * 20 + ["ab"] * 20}), seed=0)
    assert one["holds"][0] == "too few seeds"


def test_expectations_in_words():
    assert describe_expectation(effect()) == "> 0"
    assert describe_expectation(effect(above=-2, below=2.5)) == "> -2 and < 2.5"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"above": None}, "nothing is expected"),
        ({"systems": ["x"]}, "accuracy_difference needs 2 systems"),
        ({"systems": ["x", "x"]}, "has a value twice"),
        ({"metric": "taste"}, "Input should be"),
    ],
)
def test_effects_that_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        effect(**changes)


def test_the_table_has_a_row_per_claim_whether_it_holds_or_not():
    better, worse = ["aa"] * 30 + ["ab"] * 10, ["aa"] * 10 + ["bb"] * 30
    found = evidence(x=dict.fromkeys((1, 2, 3), better), y=dict.fromkeys((1, 2, 3), worse), z={1: ["--"]})
    effects = [effect(), effect(systems=["y", "x"], note="tried"), effect(systems=["z", "x"])]
    table = effects_table(effects, found, seed=0)
    assert list(table["holds"]) == ["holds", "does not hold", "cannot be said"]
    assert table["effect"][0].value == pytest.approx(-table["effect"][1].value)
    assert list(table["items"]) == [120, 120, 0]
    assert list(table["note"]) == [None, "tried", None]

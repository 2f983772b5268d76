"""The gate between judges and policies: judges that must stop a run, and judges that must not."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlcs.config.gate import GateConfig
from rlcs.evaluation.gate import gate_problems, gate_table, measure_judge
from rlcs.records import ORDERS, Judgement

PAIRS = [
    {"pair_id": f"p{n}", "context_id": f"c{n // 2}", "label": Random(n).choice("ab")} for n in range(200)
]
LABELS = {pair["pair_id"]: pair["label"] for pair in PAIRS}
OTHER = {"a": "b", "b": "a"}


def judged(verdict, pairs=PAIRS):
    """Judgements of both orders; ``verdict`` makes one of a pair's id and an order."""
    return [
        Judgement(pair["pair_id"], order, "j", verdict(pair["pair_id"], order))
        for pair in pairs
        for order in ORDERS
    ]


def coin(pair, order):
    return Random(f"{pair} {order}").choice("ab")


def sided(pair, _):
    return Random(pair).choice("ab")


def right(pair, _):
    return LABELS[pair]


def often_right(pair, order):
    """Four of five, alike in both orders."""
    return LABELS[pair] if Random(pair).random() < 0.8 else OTHER[LABELS[pair]]


def first(_, order):
    return "a" if order == "ab" else "b"


def unread(*_):
    return "none"


def seldom_read(pair, order):
    return LABELS[pair] if pair in ("p0", "p1", "p2") else "none"


def problems(verdict, **limits):
    return gate_problems(measure_judge(judged(verdict), PAIRS, seed=1), GateConfig(**limits))


@pytest.mark.parametrize(
    ("verdict", "keys"),
    [
        (right, []),
        (often_right, []),
        (sided, ["min_accuracy"]),
        (unread, ["min_accuracy", "max_unparsed_share"]),
        # all that could be read is right, and it says nothing
        (seldom_read, ["min_accuracy", "max_unparsed_share"]),
        (first, ["min_accuracy", "max_flip_rate"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_judge_at_chance_unread_or_with_flips_is_named_with_its_limit(verdict, keys):
    said = problems(verdict)
    assert len(said) == len(keys)
    for text, key in zip(said, keys, strict=True):
        assert f"gate.{key} = " in text


def test_the_message_has_the_figure_its_n_and_the_limit():
    assert problems(first, min_accuracy=None) == [
        "100.0% of 200 pairs flip with the order, more than gate.max_flip_rate = 50.0%"
    ]
    (text,) = problems(unread, max_unparsed_share=1)
    assert text == (
        "the accuracy is 50.0% [50.0%, 50.0%] on 200 pairs, and the interval is not above "
        "gate.min_accuracy = 50.0%"
    )


def test_coins_pass_at_most_as_often_as_the_interval_errs():
    passed = 0
    for seed in range(40):
        said = judged(lambda pair, order, seed=seed: coin(f"{seed} {pair}", order))
        passed += gate_problems(measure_judge(said, PAIRS, seed=0), GateConfig(max_flip_rate=1)) == []
    assert passed <= 4


def test_a_right_judge_of_two_contexts_may_be_a_coin():
    pairs = PAIRS[:4]
    figures = measure_judge(judged(right, pairs), pairs, seed=1)
    assert figures.accuracy.value == 1
    assert figures.accuracy.low < 0.5
    assert len(gate_problems(figures, GateConfig())) == 1


def test_without_a_decided_pair_nothing_is_shown():
    pairs = [pair | {"label": "tie"} for pair in PAIRS]
    (text,) = gate_problems(measure_judge(judged(right, pairs), pairs, seed=1), GateConfig())
    assert text.startswith("none of 200 validation pairs has a preferred story")
    assert "none of 0 validation pairs" in gate_problems(measure_judge([], [], seed=1), GateConfig())[0]


VERDICTS = st.lists(st.sampled_from(["a", "b", "tie", "none"]), min_size=8, max_size=8)


@settings(max_examples=25)
@given(VERDICTS, st.floats(0, 0.9), st.floats(0, 1), st.floats(0, 1))
def test_a_limit_that_is_relaxed_stops_no_more(verdicts, accuracy, flips, unparsed):
    pairs = PAIRS[:4]
    by_key = dict(
        zip([(pair["pair_id"], order) for pair in pairs for order in ORDERS], verdicts, strict=True)
    )
    figures = measure_judge(judged(lambda *key: by_key[key], pairs), pairs, seed=1)
    strict = gate_problems(
        figures, GateConfig(min_accuracy=accuracy, max_flip_rate=flips, max_unparsed_share=unparsed)
    )
    relaxed = gate_problems(
        figures,
        GateConfig(
            min_accuracy=accuracy / 2, max_flip_rate=(1 + flips) / 2, max_unparsed_share=(1 + unparsed) / 2
        ),
    )
    assert len(relaxed) <= len(strict)
    none = GateConfig(min_accuracy=None, max_flip_rate=1, max_unparsed_share=1)
    assert gate_problems(figures, none) == []


def test_the_table_has_a_row_for_each_judge_and_seed():
    table = gate_table({"genrm": {1: judged(right), 2: judged(first)}, "bt": {1: judged(sided)}}, PAIRS)
    assert table[["judge", "seed", "pairs"]].values.tolist() == [
        ["genrm", 1, 200],
        ["genrm", 2, 200],
        ["bt", 1, 200],
    ]
    assert [rate.value for rate in table["flip_rate"]] == [0, 1, 0]

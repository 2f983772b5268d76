from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.evaluation.baselines import Baselines, judgements_of, length_direction, length_verdicts
from rlcs.evaluation.calibration import calibration_error
from rlcs.judging.consistency import filter_pairs
from rlcs.judging.credits import (
    both_orders_credits,
    decide_by_both_orders,
    first_position_share,
    flip_rate,
    pair_credits,
    pair_flips,
    pair_probabilities,
    tie_share,
    unparsed_share,
    win_credits,
)
from rlcs.records import LABELS, ORDERS, Judgement
from rlcs.verdict import compare, credit, orders_disagree

VERDICTS = (*LABELS, "none")
SWAP = {"a": "b", "b": "a", "tie": "tie", "none": "none"}


def said(**verdicts):
    """Judgements by pair: p="ab" is a in order ab and b in order ba; t is a tie, n none."""
    words = {"a": "a", "b": "b", "t": "tie", "n": "none"}
    return [
        Judgement(pair, order, "j", words[letter])
        for pair, letters in verdicts.items()
        for order, letter in zip(ORDERS, letters, strict=False)
    ]


judged = st.dictionaries(
    st.sampled_from("pqrs"), st.tuples(st.sampled_from("abtn"), st.sampled_from("abtn")).map("".join)
).map(lambda verdicts: said(**verdicts))


@pytest.mark.parametrize(
    ("verdict", "label", "expected"),
    [
        ("a", "a", 1),
        ("b", "b", 1),
        ("a", "b", 0),
        ("tie", "b", 0.5),
        ("none", "a", None),
        ("a", "tie", None),
        ("tie", "tie", None),
    ],
)
def test_credit(verdict, label, expected):
    assert credit(verdict, label) == expected


@given(judged, st.fixed_dictionaries({pair: st.sampled_from(LABELS) for pair in "pqrs"}))
def test_pair_credits_are_mean_credits(judgements, labels):
    expected = {}
    for judgement in judgements:
        if (one := credit(judgement.verdict, labels[judgement.pair_id])) is not None:
            expected.setdefault(judgement.pair_id, []).append(one)
    assert pair_credits(judgements, labels) == {pair: sum(c) / len(c) for pair, c in expected.items()}


def test_win_credits_are_those_of_a_over_the_orders_had():
    judgements = said(p="aa", q="ab", r="bn", s="nn", t="tt", u="at")
    assert win_credits(judgements) == {"p": 1, "q": 0.5, "r": 0, "t": 0.5, "u": 0.75}


@given(judged)
def test_renaming_the_stories_mirrors_the_win_credits(judgements):
    swapped = [
        Judgement(j.pair_id, "ba" if j.order == "ab" else "ab", "j", SWAP[j.verdict]) for j in judgements
    ]
    assert win_credits(swapped) == {pair: 1 - won for pair, won in win_credits(judgements).items()}
    assert flip_rate(swapped) == flip_rate(judgements)
    assert first_position_share(swapped) == first_position_share(judgements)


def test_a_pair_without_label_is_an_error():
    with pytest.raises(ValueError, match="'p'"):
        pair_credits(said(p="aa"), {})


def test_there_is_one_definition_of_orders_that_disagree():
    for verdicts in product(("a", "b", "tie"), repeat=2):
        judged = [Judgement("p", order, "j", v) for order, v in zip(("ab", "ba"), verdicts, strict=True)]
        _, (outcome,) = filter_pairs([{"pair_id": "p", "label": "a"}], judged)
        assert orders_disagree(verdicts) == bool(pair_flips(judged)["p"]) == (outcome == "inconsistent")
    assert not orders_disagree(["none", "a"])


def test_flips():
    judgements = said(p="aa", q="ab", r="at", s="tt", t="an", u="b")
    assert pair_flips(judgements) == {"p": 0, "q": 1, "r": 1, "s": 0}
    assert flip_rate(judgements) == 0.5


@pytest.mark.parametrize(
    ("judgements", "expected"),
    [(said(p="ab", q="ab"), 1), (said(p="ba"), 0), (said(p="aa", q="tt", r="nn"), 0.5), (said(p="ta"), 0)],
)
def test_first_position_share(judgements, expected):
    assert first_position_share(judgements) == expected


def test_shares():
    judgements = said(p="an", q="tt", r="nb")
    assert unparsed_share(judgements) == pytest.approx(1 / 3)
    assert tie_share(judgements) == 0.5


@pytest.mark.parametrize("judgements", [[], said(p="nn")])
def test_shares_over_nothing_are_none(judgements):
    assert flip_rate(judgements) is first_position_share(judgements) is tie_share(judgements) is None
    assert win_credits(judgements) == pair_credits(judgements, {}) == {}
    assert unparsed_share(judgements) == (1 if judgements else None)


def pairs(*rows):
    return [
        {"pair_id": str(i), "story_a": "他" * a, "story_b": "x " * b, "label": label}
        for i, (a, b, label) in enumerate(rows)
    ]


def test_length_baseline():
    assert length_verdicts(pairs((3, 2, "a"), (2, 3, "a"), (2, 2, "a")), "longer") == {
        "0": "a",
        "1": "b",
        "2": "tie",
    }
    assert length_verdicts(pairs((3, 2, "a")), "shorter") == {"0": "b"}


@pytest.mark.parametrize(
    ("rows", "direction"),
    [
        ([(3, 2, "a"), (2, 3, "b"), (3, 2, "b")], "longer"),
        ([(3, 2, "b"), (3, 2, "tie"), (3, 2, "tie")], "shorter"),
        ([], "longer"),
    ],
)
def test_direction_is_that_of_the_labels(rows, direction):
    assert length_direction(pairs(*rows)) == direction


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from("ab")), min_size=1).map(
        lambda rows: pairs(*rows)
    )
)
def test_on_the_pairs_that_it_was_fitted_on_the_length_baseline_is_right_half_of_the_time(train):
    verdicts = length_verdicts(train, length_direction(train))
    credits = pair_credits(judgements_of(verdicts, "length"), {p["pair_id"]: p["label"] for p in train})
    assert sum(credits.values()) / len(train) >= 0.5


def test_majority_baseline_and_judgements_of_a_baseline():
    train = pairs((1, 1, "b"), (1, 1, "b"), (1, 1, "a"), (1, 1, "tie"), (1, 1, "tie"), (1, 1, "tie"))
    judgements = Baselines.fit(train).judgements(pairs((1, 1, "a"), (1, 1, "b")))["majority"]
    assert {(one.pair_id, one.verdict) for one in judgements} == {("0", "b"), ("1", "b")}
    assert flip_rate(judgements) == 0
    assert first_position_share(judgements) == 0.5


def with_p(pair, ab, ba, verdict="a"):
    return [Judgement(pair, "ab", "j", verdict, p_a=ab), Judgement(pair, "ba", "j", verdict, p_a=ba)]


def test_a_pairs_p_is_the_mean_over_the_orders_that_have_one():
    judgements = [
        *with_p("p", 0.9, 0.5),
        *with_p("q", 0.2, None),
        *with_p("r", 0.4, 0.4, "none"),
        *said(s="aa"),
    ]
    assert pair_probabilities(judgements) == {"p": pytest.approx(0.7), "q": 0.2}


def test_accuracy_of_p_over_both_orders_by_hand():
    judgements = [
        *with_p("p", 0.9, 0.3),  # the orders disagree, and their mean is for a
        *with_p("q", 0.9, 0.05),
        *with_p("r", 0.75, 0.25),
        *with_p("s", 0.3, None),  # the verdict a of order ba stands for a p of 1
        *with_p("t", 0.1, 0.1, "none"),
        *with_p("u", 0.9, 0.9),
        Judgement("v", "ab", "j", "b", p_a=0.2),  # the reward reads the order that there is
        Judgement("v", "ba", "j", "none"),
    ]
    labels = {"p": "a", "q": "a", "r": "a", "s": "a", "t": "a", "u": "tie", "v": "a"}
    assert both_orders_credits(judgements, labels) == {"p": 1, "q": 0, "r": 0.5, "s": 1, "v": 0}
    with pytest.raises(ValueError, match="'p' was judged, but has no label"):
        both_orders_credits(judgements, {})


@given(st.floats(0, 1))
def test_a_judge_that_sees_the_position_alone_earns_one_half(first_wins):
    assert both_orders_credits(with_p("p", first_wins, 1 - first_wins), {"p": "a"}) == {"p": 0.5}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.data())
def test_a_p_that_the_order_does_not_change_has_the_accuracy_of_its_verdicts(known, data):
    labels = {str(n): data.draw(st.sampled_from(LABELS)) for n in range(len(known))}
    judgements = [
        judgement
        for n, p in enumerate(known)
        for judgement in with_p(str(n), p, p, compare(round(p, 12), 0.5))
    ]
    assert both_orders_credits(judgements, labels) == pair_credits(judgements, labels)


@given(judged.map(lambda judgements: [j for j in judgements if j.verdict != "tie"]))
def test_verdicts_without_p_have_their_own_accuracy_over_both_orders(judgements):
    labels = dict.fromkeys("pqrs", "b")
    assert both_orders_credits(judgements, labels) == pair_credits(judgements, labels)


def test_calibration_error_of_pairs():
    judgements = [*with_p("p", 1.0, 1.0), *with_p("q", 0.8, 0.8), *with_p("r", 0.3, 0.3)]
    labels = {"p": "a", "q": "b", "r": "tie"}
    assert calibration_error(judgements, labels) == pytest.approx((0 + 0.8) / 2)
    assert calibration_error(said(p="aa"), labels) is None


def test_p_over_both_orders_decides_what_two_verdicts_leave_open():
    def judged(pair, order, verdict, p):
        return Judgement(pair, order, "j", verdict, p_a=p)

    judgements = [
        judged("moved", "ab", "a", 0.9),  # the place decides both verdicts, and p is for a
        judged("moved", "ba", "b", 0.4),
        judged("even", "ab", "a", 0.7),
        judged("even", "ba", "b", 0.3),
        judged("plain", "ab", "a", None),
        judged("plain", "ba", "b", None),
        judged("half", "ab", "none", None),
        judged("half", "ba", "b", 0.2),
        judged("mute", "ab", "none", None),
    ]
    assert win_credits(judgements) == {"moved": 0.5, "even": 0.5, "plain": 0.5, "half": 0}
    decided = decide_by_both_orders(judgements)
    assert win_credits(decided) == {"moved": 1, "even": 0.5, "plain": 0.5, "half": 0}
    assert [(one.pair_id, one.order, one.p_a) for one in decided] == [
        (one.pair_id, one.order, one.p_a) for one in judgements
    ]

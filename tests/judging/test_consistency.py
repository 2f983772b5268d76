import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.judging.consistency import FILTER_OUTCOMES, drop_table, filter_pairs
from rlcs.records import LABELS, Judgement

VERDICTS = (*LABELS, "none")


def pair(label, pair_id="p"):
    return {"pair_id": pair_id, "label": label}


def judgement(order, verdict, pair_id="p", judge="t"):
    return Judgement(pair_id, order, judge, verdict)


@pytest.mark.parametrize(
    ("ab", "ba", "label", "outcome"),
    [
        ("a", "a", "a", "kept"),
        ("b", "b", "b", "kept"),
        ("tie", "tie", "tie", "kept"),
        ("a", "a", "b", "against_label"),
        ("tie", "tie", "a", "against_label"),
        ("a", "a", "tie", "against_label"),
        ("a", "b", "a", "inconsistent"),
        ("a", "tie", "a", "inconsistent"),
        ("tie", "b", "tie", "inconsistent"),
        ("none", "a", "a", "unparsed"),
        ("a", "none", "b", "unparsed"),
        ("none", "none", "a", "unparsed"),
        (None, "a", "a", "unparsed"),
        ("a", None, "a", "unparsed"),
        (None, None, "tie", "unparsed"),
    ],
)
def test_outcomes(ab, ba, label, outcome):
    said = [judgement(order, v) for order, v in (("ab", ab), ("ba", ba)) if v is not None]
    kept, outcomes = filter_pairs([pair(label)], said)
    assert outcomes == [outcome]
    assert kept == (said if outcome == "kept" else [])


@st.composite
def judged_pairs(draw):
    pairs = [pair(draw(st.sampled_from(LABELS)), f"p{i}") for i in range(draw(st.integers(0, 6)))]
    verdict = st.none() | st.sampled_from(VERDICTS)
    said = [(p["pair_id"], order, draw(verdict)) for p in pairs for order in ("ab", "ba")]
    return pairs, draw(st.permutations([judgement(o, v, p) for p, o, v in said if v is not None]))


@given(judged_pairs())
def test_only_whole_pairs_of_right_verdicts_are_kept_in_the_order_of_the_pairs(case):
    pairs, judgements = case
    kept, outcomes = filter_pairs(pairs, judgements)
    assert len(outcomes) == len(pairs)
    right = [p for p, outcome in zip(pairs, outcomes, strict=True) if outcome == "kept"]
    assert [(k.pair_id, k.order) for k in kept] == [(p["pair_id"], o) for p in right for o in ("ab", "ba")]
    labels = {p["pair_id"]: p["label"] for p in pairs}
    assert all(k.verdict == labels[k.pair_id] for k in kept)


@pytest.mark.parametrize(
    ("judgements", "message"),
    [
        ([judgement("ab", "a"), judgement("ba", "a", judge="u")], r"\['t', 'u'\]"),
        ([judgement("ab", "a"), judgement("ab", "b")], "two judgements of pair 'p' in order 'ab'"),
        ([judgement("ab", "a", "q")], "'q'"),
    ],
)
def test_judgements_that_cannot_be_filtered(judgements, message):
    with pytest.raises(ValueError, match=message):
        filter_pairs([pair("a")], judgements)


def test_drop_table():
    table = drop_table(
        ["kept", "unparsed", "kept", "against_label", "kept"],
        {"teacher": ["t"] * 4 + ["u"], "domain": ["story", "story", "poem", "poem", "poem"]},
    )
    assert list(table.columns[:7]) == ["teacher", "domain", "n", *FILTER_OUTCOMES]
    assert table.set_index(["teacher", "domain"])[["n", "kept", "kept_share"]].to_dict("index") == {
        ("t", "poem"): {"n": 2, "kept": 1, "kept_share": 0.5},
        ("t", "story"): {"n": 2, "kept": 1, "kept_share": 0.5},
        ("u", "poem"): {"n": 1, "kept": 1, "kept_share": 1.0},
    }


@given(st.lists(st.tuples(st.sampled_from(FILTER_OUTCOMES), st.sampled_from("xyz"), st.sampled_from("uv"))))
def test_drop_table_counts_every_pair_once(rows):
    outcomes = [row[0] for row in rows]
    table = drop_table(outcomes, {"teacher": [row[1] for row in rows], "domain": [row[2] for row in rows]})
    assert len(table) == len({row[1:] for row in rows})
    assert table["n"].sum() == len(rows)
    for outcome in FILTER_OUTCOMES:
        assert table[outcome].sum() == outcomes.count(outcome)
        assert (table[f"{outcome}_share"] * table["n"]).sum() == pytest.approx(outcomes.count(outcome))


@pytest.mark.parametrize("by", [{}, {"teacher": ["t"]}])
def test_drop_table_needs_a_group_for_each_pair(by):
    with pytest.raises(ValueError, match="each of 2 values"):
        drop_table(["kept", "kept"], by)

import math

import pytest

from rlcs.evaluation.label_audit import audit_table
from rlcs.records import Context, Judgement

CONTEXTS = {
    name: Context(name, domain, "", "", name, (), "train")
    for name, domain in (("c0", "poem"), ("c1", "story"), ("c2", "story"), ("c3", "story"))
}
LONG, SHORT = "a long story", "short"


def pair(number, label=None, context="c1", source="web", *, longer="a"):
    a, b = (LONG, SHORT) if longer == "a" else (SHORT, LONG)
    row = {"pair_id": f"p{number}", "context_id": context, "story_a": a, "story_b": b, "source": source}
    return row | ({"label": label} if label else {})


LABELLED = [
    pair(0, "a", "c0"),
    pair(1, "b"),
    pair(2, "b", "c2", "book", longer="b"),
    pair(3, "tie", "c2", "book"),
    pair(4, "a", "c3", longer="b"),
]
UNLABELLED = [pair(5), pair(6, context="c3", longer="b"), pair(7, context="c3")]


def audit(labels, said=None, labelled=LABELLED):
    frame = audit_table({"panel": labels}, said or {}, labelled, UNLABELLED, CONTEXTS, seed=0)
    return {(row["by"], row["group"]): row for row in frame.to_dict("records")}


def test_every_group_has_a_row_and_its_own_pairs():
    rows = audit({})
    assert {group: row["pairs"] for group, row in rows.items()} == {
        ("human labels", "all"): 5,
        ("domain", "poem"): 1,
        ("domain", "story"): 4,
        ("source", "book"): 2,
        ("source", "web"): 3,
        ("no label", "all"): 3,
    }
    assert all(row["labelled"] == 0 for row in rows.values())


def test_agreement_and_bias_beside_the_humans():
    # the longer one four times, of which the human says a, b, b and a tie
    rows = audit({"p0": "a", "p1": "a", "p2": "b", "p3": "a", "p5": "a", "p6": "a", "p7": "tie"})
    row = rows["human labels", "all"]
    assert row["labelled"] == 4 / 5
    assert (row["agreement"].value, row["agreement"].n) == (pytest.approx(2 / 3), 3)  # p0 and p2, not p1
    assert (row["longer"].value, row["longer"].n) == (1.0, 4)
    assert (row["human_longer"].value, row["human_longer"].n) == (pytest.approx(2 / 3), 3)
    difference = row["longer_difference"]
    assert (difference.value, difference.n) == (pytest.approx(1 / 3), 3)
    assert difference.low <= difference.value <= difference.high
    assert (row["story_a"].value, row["human_story_a"].value) == (3 / 4, pytest.approx(1 / 3))

    bare = rows["no label", "all"]
    assert bare["labelled"] == 1.0
    assert (bare["longer"].value, bare["longer"].n) == (0.5, 2)
    assert bare["story_a"].value == 1.0
    assert [bare[name] for name in ("agreement", "human_longer", "longer_difference", "human_story_a")] == [
        None
    ] * 4
    assert rows["domain", "poem"]["agreement"].n == 1
    assert math.isnan(rows["domain", "poem"]["agreement"].low)  # of one context there is no interval


def test_a_tie_agrees_by_one_half_where_the_human_does_not_tie():
    assert audit({"p0": "tie"})["human labels", "all"]["agreement"].value == 0.5
    assert audit({"p3": "tie"})["human labels", "all"]["agreement"].n == 0


def test_the_first_shown_of_a_teacher_is_counted_group_by_group():
    said = [Judgement(f"p{n}", order, "panel", "a") for n in (0, 1) for order in ("ab", "ba")]
    said += [Judgement("p5", order, "panel", "a" if order == "ab" else "b") for order in ("ab", "ba")]
    rows = audit({"p0": "a", "p1": "a"}, {"panel": said})
    assert rows["human labels", "all"]["first_share"] == 0.5
    assert rows["no label", "all"]["first_share"] == 1.0
    assert rows["source", "book"]["first_share"] is None


def test_without_any_pair_of_a_kind_there_are_no_numbers():
    frame = audit_table({"panel": {}}, {}, [], [], {}, seed=0)
    assert frame["by"].tolist() == ["human labels", "no label"]
    assert frame["labelled"].tolist() == [None, None]

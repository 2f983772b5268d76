import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.data.votes import krippendorff_alpha, majority_label, mutual_credits, soft_label, votes_by_pair
from rlcs.records import LABELS

OTHER = {"a": "b", "b": "a", "tie": "tie"}


def votes(*pairs):
    """'a b' is a pair with two votes."""
    return [
        {"pair_id": f"p{n}", "label": label, "annotator": f"x{place}", "cohort": None}
        for n, labels in enumerate(pairs)
        for place, label in enumerate(labels.split())
    ]


some_labels = st.lists(st.sampled_from(LABELS), min_size=1, max_size=7)
some_votes = st.lists(some_labels.map(" ".join), max_size=6).map(lambda pairs: votes(*pairs))


@given(some_labels)
def test_majority_and_soft_label_know_neither_the_order_nor_the_names(labels):
    turned = [OTHER[label] for label in labels]
    assert majority_label(labels) == majority_label(labels[::-1]) == OTHER[majority_label(turned)]
    assert soft_label(labels) == pytest.approx(1 - soft_label(turned))
    top = majority_label(labels)
    if labels.count(top) > len(labels) / 2:
        assert all(labels.count(label) <= labels.count(top) for label in LABELS)
    if len(set(labels)) == 1:
        assert top == labels[0]
        assert soft_label(labels) == {"a": 1.0, "b": 0.0, "tie": 0.5}[labels[0]]


@pytest.mark.parametrize(
    ("labels", "majority"),
    [("a", "a"), ("a b", "tie"), ("a tie", "tie"), ("a a b", "a"), ("tie tie a", "tie"), ("a b tie", "tie")],
)
def test_without_a_majority_it_is_a_tie(labels, majority):
    assert majority_label(labels.split()) == majority


def test_krippendorffs_alpha_is_that_of_the_textbook():
    # two observers, ten units of a binary matter (Krippendorff 2011, "Computing Krippendorff's alpha", B)
    first, second = "b a b b b b b b b b", "a a b b a b b b a b"
    one = [f"{x} {y}" for x, y in zip(first.split(), second.split(), strict=True)]
    assert krippendorff_alpha(votes(*one)) == pytest.approx(_alpha(one))
    assert krippendorff_alpha(votes("a a", "b b", "tie tie")) == pytest.approx(1.0)
    assert krippendorff_alpha(votes("a b", "b a")) < 0
    assert krippendorff_alpha(votes("a a", "b b", "a", "tie")) == pytest.approx(1.0)  # one vote alone is none


def _alpha(pairs):
    """Nominal alpha for two votes each: 1 - (n - 1) * disagreeing / sum over c != k of n_c n_k, n votes."""
    said = [label for pair in pairs for label in pair.split()]
    disagreeing = sum(2 * (len(set(pair.split())) > 1) for pair in pairs)
    by_chance = sum(said.count(c) * said.count(k) for c in set(said) for k in set(said) if c != k)
    return 1 - (len(said) - 1) * disagreeing / by_chance


@pytest.mark.parametrize("said", [[], ["a", "b"], ["a a", "a a"], ["a a", "b"]])
def test_where_chance_is_not_defined_there_is_no_alpha(said):
    assert krippendorff_alpha(votes(*said)) is None


def test_annotators_judge_one_another_as_judges_are_judged():
    said = votes("a a", "a b", "a tie", "tie tie", "a a b", "b")
    assert mutual_credits(said) == {
        "p0": 1.0,
        "p1": 0.0,
        "p2": 0.5,  # the tie against the a; against the tie nothing is said
        "p4": pytest.approx(1 / 3),
    }


@given(some_votes)
def test_agreement_is_a_share_of_pairs_with_several_votes(said):
    several = {pair for pair, labels in votes_by_pair(said).items() if len(labels) > 1}
    credits = mutual_credits(said)
    assert credits.keys() <= several
    assert all(0 <= value <= 1 for value in credits.values())
    alpha = krippendorff_alpha(said)
    assert alpha is None or alpha <= 1 + 1e-9

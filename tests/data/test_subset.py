"""A subset has the numbers that were asked for, loses no vote that it needs, and shows no label set aside."""

from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.data import SubsetConfig
from rlcs.data.subset import take_subset
from rlcs.data.validation import Validated
from rlcs.records import UNLABELLED, Context

SPLIT_OF = ("train", "train", "train", "validation", "test")


def world(contexts: int) -> Validated:
    """Two pairs with a vote for each context, and one pair without a label for each training context."""

    def pair(n: int, name: str) -> dict:
        return {
            "pair_id": f"{name}{n}",
            "context_id": f"c{n}",
            "story_a": "A",
            "story_b": "B",
            "source": "human",
        }

    numbers = range(contexts)
    pairs = [pair(n, name) | {"label": "a", "soft_label": 1.0} for n in numbers for name in ("p", "q")]
    return Validated(
        contexts=[Context(f"c{n}", "story", "", "", f"o{n}", (), SPLIT_OF[n % 5]) for n in numbers],
        pairs=pairs,
        annotations=[{"pair_id": pair["pair_id"], "label": "a"} for pair in pairs],
        unlabelled=[pair(n, "u") for n in numbers if SPLIT_OF[n % 5] == "train"],
        quarantine=[],
    )


limits = st.none() | st.integers(1, 40)


@given(st.integers(5, 30), limits, limits, limits, limits, st.integers(0, 3))
def test_a_subset_has_what_was_asked_for(contexts, labelled, unlabelled, validation, test, seed):
    found = world(contexts)
    subset = SubsetConfig(labelled=labelled, unlabelled=unlabelled, validation=validation, test=test)
    taken = take_subset(found, subset, seed)
    split_of = {context.context_id: context.split for context in found.contexts}

    def count(rows, split):
        return sum(split_of[row["context_id"]] == split for row in rows)

    for split, limit in (("train", labelled), ("validation", validation), ("test", test)):
        there = count(found.pairs, split)
        assert count(taken.pairs, split) == (there if limit is None else min(limit, there))
    set_aside = count(found.pairs, "train") - count(taken.pairs, "train")
    there = len(found.unlabelled) + set_aside
    assert len(taken.unlabelled) == (there if unlabelled is None else min(unlabelled, there))
    assert all(list(row) == UNLABELLED.names for row in taken.unlabelled)
    assert [vote["pair_id"] for vote in found.annotations if vote in taken.annotations] == [
        vote["pair_id"] for vote in taken.annotations
    ]
    assert {vote["pair_id"] for vote in taken.annotations} == {pair["pair_id"] for pair in taken.pairs}
    assert {pair["pair_id"] for pair in taken.pairs}.isdisjoint(row["pair_id"] for row in taken.unlabelled)
    used = {row["context_id"] for row in taken.pairs + taken.unlabelled}
    assert {context.context_id for context in taken.contexts} == used


def test_all_pairs_are_the_default_and_a_larger_subset_contains_a_smaller_one():
    found = world(30)
    assert take_subset(found, SubsetConfig(), seed=0) == found
    small, large = (take_subset(found, SubsetConfig(labelled=n, unlabelled=0), seed=1) for n in (5, 12))
    assert {pair["pair_id"] for pair in small.pairs} < {pair["pair_id"] for pair in large.pairs}
    other = take_subset(found, SubsetConfig(labelled=5, unlabelled=0), seed=2)
    assert {pair["pair_id"] for pair in other.pairs} != {pair["pair_id"] for pair in small.pairs}

"""The preferences artifact, written and read back."""

from collections import Counter
from itertools import groupby
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.training import TrainingPairsConfig
from rlcs.data.preferences import Preferences, comparisons_of, draw_pairs, write_preferences
from rlcs.errors import InputError
from rlcs.records import PAIRS, Context, write_contexts, write_rows

PAIR = {
    "pair_id": "p",
    "context_id": "c",
    "story_a": "x",
    "story_b": "y",
    "label": "a",
    "source": "human",
    "annotator": None,
    "cohort": None,
    "soft_label": 1.0,
}
CONTEXTS = [Context(name, "story", "", "", "", (), split) for name, split in (("c", "train"), ("d", "test"))]


def test_what_is_written_is_read_by_split(tmp_path):
    held_out = PAIR | {"pair_id": "q", "context_id": "d", "label": "tie"}
    bare = {name: PAIR[name] for name in ("context_id", "story_a", "story_b", "source")} | {"pair_id": "r"}
    votes = [{"pair_id": "p", "label": "a", "annotator": "x", "cohort": None}]
    write_preferences(tmp_path, CONTEXTS, [PAIR, held_out], votes, [bare])
    preferences = Preferences(tmp_path)
    assert list(preferences.contexts.values()) == CONTEXTS
    assert preferences.contexts_of("test") == CONTEXTS[1:]
    assert preferences.pairs() == [PAIR, held_out]
    assert (preferences.pairs("train"), preferences.pairs("test")) == ([PAIR], [held_out])
    assert (preferences.unlabelled("train"), preferences.unlabelled("test")) == ([bare], [])
    assert preferences.annotations == votes
    assert preferences.labels == {"p": "a", "q": "tie"}
    assert preferences.context_ids == {"p": "c", "q": "d"}
    assert preferences.comparisons([held_out])[0].context == CONTEXTS[1]
    preferences.pairs().append(bare)
    assert preferences.pairs() == [PAIR, held_out]


def test_every_pair_is_compared_in_both_orders_side_by_side():
    context = Context("c", "story", "", "", "", (), "test")
    compared = comparisons_of([PAIR, {**PAIR, "pair_id": "q"}], {"c": context})
    assert [(c.pair_id, c.order) for c in compared] == [("p", "ab"), ("p", "ba"), ("q", "ab"), ("q", "ba")]
    assert {(c.first, c.second) for c in compared if c.order == "ba"} == {("y", "x")}


def test_training_pairs_are_those_of_the_named_sources(tmp_path):
    sources = {"human": ["h1", "h2"], "x": ["x1", "both"], "y": ["both", "y1"]}
    for source, names in sources.items():
        (tmp_path / source).mkdir()
        rows = [PAIR | {"pair_id": name, "source": source} for name in names]
        write_rows(tmp_path / source / "pairs.parquet", rows, PAIRS)
    write_contexts(tmp_path / "human" / "contexts.parquet", CONTEXTS)
    write_rows(
        tmp_path / "human" / "pairs.parquet",
        [PAIR | {"pair_id": "h1"}, PAIR | {"pair_id": "held out", "context_id": "d"}],
        PAIRS,
    )

    def named(*names):
        folders = [tmp_path / name for name in names if name != "human"]
        pairs = Preferences(tmp_path / "human").training_pairs(
            TrainingPairsConfig(label_sources=list(names)), folders
        )
        return [(pair["pair_id"], pair["source"]) for pair in pairs]

    assert named("human") == [("h1", "human")]
    assert named("x") == [("x1", "x"), ("both", "x")]
    assert named("human", "y", "x") == [("h1", "human"), ("both", "y"), ("y1", "y"), ("x1", "x")]
    with pytest.raises(ValueError, match="zip"):
        Preferences(tmp_path / "human").training_pairs(TrainingPairsConfig(label_sources=["human", "x"]), [])


LABELLED = [PAIR | {"pair_id": f"p{n}", "context_id": f"c{n // 2}"} for n in range(40)]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9), st.randoms())
def test_a_larger_draw_of_labels_contains_a_smaller_one_whatever_the_order(few, many, seed, random):
    few, many = sorted((few, many))
    small, large = draw_pairs(LABELLED, few, seed), draw_pairs(LABELLED, many, seed)
    assert (len(small), len(large)) == (few, many)
    assert [pair for pair in large if pair in small] == small  # and both in the order of the file
    shuffled = random.sample(LABELLED, len(LABELLED))
    assert sorted(p["pair_id"] for p in draw_pairs(shuffled, few, seed)) == sorted(
        pair["pair_id"] for pair in small
    )
    by_context = [len(list(pairs)) for _, pairs in groupby(small, key=lambda pair: pair["context_id"])]
    assert by_context.count(1) == few % 2  # whole contexts, but for the last


def test_draws_of_labels_differ_between_seeds():
    drawn = [{pair["pair_id"] for pair in draw_pairs(LABELLED, 10, seed)} for seed in (1, 2)]
    assert drawn[0] != drawn[1]


def test_only_human_labels_are_limited(tmp_path):
    random = Random(0)
    for source, rows in (("human", random.sample(LABELLED, 40)), ("x", LABELLED[:3])):
        (tmp_path / source).mkdir()
        rows = [pair | {"pair_id": f"{source}-{pair['pair_id']}", "source": source} for pair in rows]
        write_rows(tmp_path / source / "pairs.parquet", rows, PAIRS)
    contexts = [Context(f"c{n}", "story", "", "", "", (), "train") for n in range(20)]
    write_contexts(tmp_path / "human" / "contexts.parquet", contexts)
    preferences = Preferences(tmp_path / "human")

    def sources(seed=0, **limit):
        chosen = TrainingPairsConfig(label_sources=["human", "x"], **limit)
        return [pair["source"] for pair in preferences.training_pairs(chosen, [tmp_path / "x"], seed=seed)]

    assert sources() == sources(human_labels=40, seed=3) == ["human"] * 40 + ["x"] * 3
    assert sources(human_labels=5, seed=1) == ["human"] * 5 + ["x"] * 3
    with pytest.raises(InputError, match="human_labels is 41, but the training pairs have 40 human labels"):
        sources(human_labels=41)


def test_a_contexts_chosen_stories_are_the_preferred_ones_of_its_split(tmp_path):
    def pair(number, label, context="c", **stories):
        return PAIR | {"pair_id": str(number), "context_id": context, "label": label} | stories

    pairs = [
        pair(0, "a"),
        pair(1, "b"),
        pair(2, "a", story_b="z"),  # x once more
        pair(3, "tie", story_a="v", story_b="w"),
        pair(4, "a", context="d"),
    ]
    write_preferences(tmp_path, CONTEXTS, pairs, [], [])
    assert Preferences(tmp_path).chosen_stories("train") == {"c": ["x", "y"]}


def test_pairs_of_some_domains_and_cohorts_alone(tmp_path):
    for source, cohort in (("human", "editors"), ("x", None)):
        (tmp_path / source).mkdir()
        rows = [
            pair
            | {
                "pair_id": f"{source}-{pair['pair_id']}",
                "source": source,
                "cohort": cohort and f"{cohort}{n % 2}",
            }
            for n, pair in enumerate(LABELLED)
        ]
        write_rows(tmp_path / source / "pairs.parquet", rows, PAIRS)
    contexts = [Context(f"c{n}", ("quest", "poem")[n % 2], "", "", "", (), "train") for n in range(20)]
    write_contexts(tmp_path / "human" / "contexts.parquet", contexts)
    preferences = Preferences(tmp_path / "human")

    def chosen(**limit):
        limits = TrainingPairsConfig(label_sources=["human", "x"], **limit)
        pairs = preferences.training_pairs(limits, [tmp_path / "x"], seed=1)
        domains = {preferences.contexts[pair["context_id"]].domain for pair in pairs}
        return domains, Counter((pair["source"], pair["cohort"]) for pair in pairs)

    halves = {("human", "editors0"): 10, ("human", "editors1"): 10, ("x", None): 20}
    assert chosen(domains=["poem"]) == ({"poem"}, halves)
    assert chosen(domains=["poem", "quest"])[0] == {"poem", "quest"}
    assert chosen(cohorts=["editors1"])[1] == {("human", "editors1"): 20, ("x", None): 40}
    assert chosen(cohorts=["editors1"], domains=["quest"], human_labels=3)[1] == {
        ("human", "editors1"): 3,
        ("x", None): 20,
    }
    with pytest.raises(InputError, match="domains: no training pair is of song; the pairs have poem, quest"):
        chosen(domains=["poem", "song"])
    with pytest.raises(InputError, match="cohorts: no training pair is of readers; the pairs have editors0"):
        chosen(cohorts=["readers"])

"""The preferences artifact, written and read back."""

import pytest

from rlcs.data.preferences import Preferences, comparisons_of, write_preferences
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
        pairs = Preferences(tmp_path / "human").training_pairs(names, folders)
        return [(pair["pair_id"], pair["source"]) for pair in pairs]

    assert named("human") == [("h1", "human")]
    assert named("x") == [("x1", "x"), ("both", "x")]
    assert named("human", "y", "x") == [("h1", "human"), ("both", "y"), ("y1", "y"), ("x1", "x")]
    with pytest.raises(ValueError, match="zip"):
        Preferences(tmp_path / "human").training_pairs(["human", "x"], [])

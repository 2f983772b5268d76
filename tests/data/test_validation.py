import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.data.formats import parse_pairs
from rlcs.data.reasons import check_share, count_reasons
from rlcs.data.rows import PairRow, RawRow
from rlcs.data.validation import validate
from rlcs.errors import InputError
from rlcs.records import ANNOTATIONS, PAIRS, QUARANTINE, UNLABELLED, read_contexts, write_contexts, write_rows

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
GOOD = {"outline": "a quest", "story_a": "Once.", "story_b": "Twice.", "label": "a"}


def raw(values, line=1):
    return RawRow("file.jsonl", line, json.dumps(values, default=str), values)


def checked(*rows):
    return validate(parse_pairs(raw(values, line) for line, values in enumerate(rows, start=1)), SHARES, 0)


def reasons(*rows):
    return [(row["line"], row["reason"]) for row in checked(*rows).quarantine]


def other(**fields):
    return {**GOOD, "story_b": "Thrice.", **fields}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"story_b": None}, "missing story_b"),
        ({"story_a": ""}, "empty story"),
        ({"story_a": " \n\t"}, "empty story"),
        ({"story_b": " Once.\n"}, "identical stories"),
        ({"label": "left"}, "unknown label"),
        ({"label": 1}, "unknown label"),
        ({"label": ["a"]}, "unknown label"),
        ({"split": "fold 1"}, "unknown split"),
        ({"story_a": 3}, "wrong type of story_a"),
        ({"story_a": {"text": "Once."}}, "wrong type of story_a"),
        ({"story_a": b"Once."}, "wrong type of story_a"),
        ({"outline": ["a", "quest"]}, "wrong type of outline"),
        ({"context_id": True}, "wrong type of context_id"),
        ({"pair_id": 1.5}, "wrong type of pair_id"),
        ({"story_a": "\ud800"}, "wrong encoding"),
        ({"prompt": "another quest"}, "both outline and prompt"),
        ({"outline": ""}, "no context"),
        ({"constraints": "not json"}, "bad constraints"),
        ({"constraints": [3]}, "bad constraints"),
        ({"constraints": 3}, "bad constraints"),
        ({"constraints": [{"kind": "rhymes"}]}, "bad constraints"),
        ({"constraints": [{"kind": ["rhymes"]}]}, "bad constraints"),
        ({"constraints": [{"parameters": {"n": 3}}]}, "bad constraints"),
        ({"constraints": [{"kind": "max_sentences", "parameters": {"n": "3"}}]}, "bad constraints"),
        ({"constraints": [{"kind": "required_word", "parameters": {"word": "\ud800"}}]}, "bad constraints"),
    ],
)
def test_rows_that_cannot_be_used(broken, reason):
    result = checked(GOOD | broken, other())
    assert [(row["line"], row["reason"]) for row in result.quarantine] == [(1, reason)]
    assert len(result.pairs) == 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([GOOD, GOOD], [(2, "duplicate")]),
        ([GOOD, GOOD | {"label": "b"}], [(2, "another label for the same pair")]),
        ([GOOD, GOOD | {"story_a": "Twice.", "story_b": "Once.", "label": "b"}], [(2, "duplicate")]),
        (
            [GOOD, GOOD | {"story_a": "Twice.", "story_b": "Once."}],
            [(2, "another label for the same pair")],
        ),
        ([GOOD, GOOD | {"outline": "another quest"}], []),
        (
            [GOOD | {"pair_id": 7}, other(pair_id="7")],
            [(2, "pair differs from an earlier one of the same id")],
        ),
        (
            [GOOD | {"annotator": "x"}, GOOD | {"annotator": "x", "label": "b"}],
            [(2, "another label for the same pair")],
        ),
        ([GOOD | {"annotator": "x"}, GOOD], [(2, "duplicate")]),
        ([GOOD, GOOD | {"annotator": "x"}], []),
        ([GOOD | {"split": "test"}, other(split="test")], []),
        ([GOOD | {"split": "test"}, other(split="train")], [(2, "context in two splits")]),
        ([GOOD, other(split="train"), other(split="test", story_a="x")], [(3, "context in two splits")]),
        (
            [GOOD | {"context_id": "c", "split": "test"}, other(context_id="d", split="train")],
            [(2, "context in two splits")],
        ),
        (
            [GOOD | {"context_id": "c"}, other(context_id="c", outline="another quest")],
            [(2, "context differs from an earlier one of the same id")],
        ),
        (
            [GOOD | {"context_id": "c"}, other(context_id="c", domain="poem")],
            [(2, "context differs from an earlier one of the same id")],
        ),
    ],
)
def test_of_rows_that_contradict_one_another_the_first_is_used(rows, expected):
    assert reasons(*rows) == expected


@pytest.mark.parametrize("label", [..., None, "", float("nan")])
def test_a_pair_without_label_is_no_bad_row(label):
    row = {name: value for name, value in GOOD.items() if name != "label"}
    result = checked(row if label is ... else row | {"label": label}, other())
    assert [pair["story_b"] for pair in result.unlabelled] == ["Twice."]
    assert [pair["story_b"] for pair in result.pairs] == ["Thrice."]
    assert result.quarantine == []


def test_a_pair_with_and_without_label_has_the_label():
    bare = GOOD | {"label": None}
    for rows, line in (((bare, GOOD), 1), ((GOOD, bare), 2), ((bare, GOOD, {"story_a": 3}), 1)):
        result = checked(*rows)
        assert [pair["label"] for pair in result.pairs] == ["a"]
        assert result.unlabelled == []
        assert (result.quarantine[0]["line"], result.quarantine[0]["reason"]) == (line, "duplicate")


def test_defaults_of_a_used_row():
    (context,), (pair,), (vote,), unlabelled, quarantine, _ = checked(
        GOOD | {"outline": None, "prompt": "a quest"}
    )
    assert unlabelled == quarantine == []
    assert (context.domain, context.outline, context.characters, context.constraints) == (
        "story",
        "a quest",
        "",
        (),
    )
    assert (pair["source"], pair["annotator"], pair["cohort"]) == ("human", None, None)
    assert pair["soft_label"] == 1.0
    assert vote == {"pair_id": pair["pair_id"], "label": "a", "annotator": None, "cohort": None}
    assert checked(GOOD).pairs == [pair]


def votes(*said, **more):
    """One pair as annotators label it; one whose name is in capitals saw the stories the other way round."""
    turned = {"story_a": GOOD["story_b"], "story_b": GOOD["story_a"]}
    return [
        GOOD | {"annotator": name.lower(), "label": label} | (turned if name.isupper() else {}) | more
        for name, label in said
    ]


@pytest.mark.parametrize(
    ("said", "label", "soft"),
    [
        ([("x", "a"), ("y", "a"), ("z", "b")], "a", 2 / 3),
        ([("x", "a"), ("y", "b")], "tie", 1 / 2),
        ([("x", "b"), ("y", "tie"), ("z", "b")], "b", 1 / 6),
        ([("x", "a"), ("Y", "b"), ("Z", "tie")], "a", 5 / 6),
    ],
)
def test_several_annotators_make_one_pair(said, label, soft):
    result = checked(*votes(*said))
    (pair,) = result.pairs
    assert (pair["label"], pair["soft_label"]) == (label, pytest.approx(soft))
    assert pair["annotator"] is None
    assert result.quarantine == []
    told = {"a": "b", "b": "a", "tie": "tie"}
    assert [(vote["annotator"], vote["label"]) for vote in result.annotations] == [
        (name.lower(), told[label] if name.isupper() else label) for name, label in said
    ]


def test_a_pair_has_a_cohort_where_its_annotators_have_one():
    rows = votes(("x", "a"), ("y", "a"), cohort="editors")
    assert checked(*rows).pairs[0]["cohort"] == "editors"
    assert checked(rows[0], rows[1] | {"cohort": "readers"}).pairs[0]["cohort"] is None
    assert checked(rows[0]).pairs[0]["annotator"] == "x"


def test_further_votes_may_have_ids_of_their_own():
    rows = [row | {"pair_id": f"p{n}"} for n, row in enumerate(votes(("x", "a"), ("y", "b")))]
    result = checked(*rows)
    assert [pair["pair_id"] for pair in result.pairs] == ["p0"]
    assert [vote["pair_id"] for vote in result.annotations] == ["p0", "p0"]


def test_no_premise_stands_in_two_splits_under_any_id():
    rows = [GOOD | {"context_id": f"c{i}", "story_a": f"Once {i}."} for i in range(30)]
    result = checked(*rows)
    assert len(result.contexts) == 30
    assert len({context.split for context in result.contexts}) == 1


def test_a_row_without_split_follows_the_row_that_names_one():
    for split in SHARES:
        result = checked(GOOD, other(split=split))
        assert [context.split for context in result.contexts] == [split]


def test_adding_rows_moves_no_context():
    rows = [GOOD | {"outline": f"quest {i}"} for i in range(40)]
    before = {context.context_id: context.split for context in checked(*rows[:20]).contexts}
    after = {context.context_id: context.split for context in checked(*reversed(rows)).contexts}
    assert len(after) == 40
    assert before.items() <= after.items()
    assert set(after.values()) == set(SHARES)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
texts = (
    st.sampled_from(["", "\ud800", "Once.", "Twice.", "x" * 100_000, "\x00\x1b[2J", "[[A]]", "{0}$a"])
    | anything
)
fields = {
    name: texts | st.sampled_from(["a", "b", "tie", "test", "train", '[{"kind": "max_sentences"}]'])
    for name in PairRow.model_fields
}
good = st.fixed_dictionaries(
    {
        "outline": st.sampled_from("xyz"),
        "story_a": st.sampled_from("abc"),
        "story_b": st.sampled_from("abc"),
        "label": st.sampled_from(["a", "b", "tie", "", None]),
    },
    optional={
        "context_id": st.sampled_from("12"),
        "annotator": st.sampled_from(["x", "y", 3]),
        "pair_id": st.sampled_from("12"),
        "split": st.sampled_from(sorted(SHARES)),
        "constraints": st.just([{"kind": "max_sentences", "parameters": {"n": 3}}]),
    },
)


@given(rows=st.lists(good | st.fixed_dictionaries({}, optional=fields), max_size=8))
def test_used_and_quarantined_are_what_was_read_and_can_be_stored(tmp_path_factory, rows):
    contexts, pairs, annotations, unlabelled, quarantine, _ = checked(*rows)
    assert len(annotations) + len(unlabelled) + len(quarantine) == len(rows)
    assert sum(count_reasons(quarantine).values()) == len(quarantine)
    folder = tmp_path_factory.getbasetemp()
    write_rows(folder / "quarantine.parquet", quarantine, QUARANTINE)
    write_rows(folder / "pairs.parquet", pairs, PAIRS)
    write_contexts(folder / "contexts.parquet", contexts)
    assert list(read_contexts(folder / "contexts.parquet").values()) == contexts
    write_rows(folder / "unlabelled.parquet", unlabelled, UNLABELLED)
    write_rows(folder / "annotations.parquet", annotations, ANNOTATIONS)
    assert {vote["pair_id"] for vote in annotations} == {pair["pair_id"] for pair in pairs}
    used = pairs + unlabelled
    assert {pair["context_id"] for pair in used} == {context.context_id for context in contexts}
    assert len({pair["pair_id"] for pair in used}) == len(used)
    by_premise = {}
    for context in contexts:
        premise = (context.characters, context.previous_plot, context.outline)
        assert by_premise.setdefault(premise, context.split) == context.split or not any(premise)


def test_check_share():
    about = {"file": "f.csv", "line": 1, "found": "", "advice": ""}
    quarantine = [about | {"reason": reason} for reason in ("empty story", "duplicate", "duplicate")]
    check_share(10, quarantine, 0.3, "q.parquet")
    with pytest.raises(InputError) as raised:
        check_share(10, quarantine, 0.29, "q.parquet")
    for words in ("3 of 10", "2 duplicate, 1 empty story", "29.0%", "data.max_quarantine_share", "q.parquet"):
        assert words in str(raised.value)
    with pytest.raises(InputError, match="no rows"):
        check_share(0, [], 1, "q.parquet")

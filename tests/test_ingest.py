import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.ingest import PairRow, RawRow, TooManyBadRows, check_share, summary, validate
from rlcs.preference_files import read_file
from rlcs.records import PAIRS, QUARANTINE, read_contexts, write_contexts, write_rows

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
GOOD = {"outline": "a quest", "story_a": "Once.", "story_b": "Twice.", "label": "a"}


def raw(values, line=1):
    return RawRow("file.jsonl", line, json.dumps(values, default=str), values)


def checked(*rows):
    return validate([raw(values, line) for line, values in enumerate(rows, start=1)], SHARES, 0)


def reasons(*rows):
    return [(row["line"], row["reason"]) for row in checked(*rows).quarantine]


def other(**fields):
    return {**GOOD, "story_b": "Thrice.", **fields}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"story_b": None}, "missing story_b"),
        ({"label": float("nan")}, "missing label"),
        ({"story_a": ""}, "empty story"),
        ({"story_a": " \n\t"}, "empty story"),
        ({"story_b": " Once.\n"}, "identical stories"),
        ({"label": "A"}, "unknown label"),
        ({"label": 1}, "unknown label"),
        ({"label": ["a"]}, "unknown label"),
        ({"split": "dev"}, "unknown split"),
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
        ([GOOD, GOOD | {"label": "b"}], [(2, "duplicate")]),
        ([GOOD, GOOD | {"story_a": "Twice.", "story_b": "Once."}], [(2, "duplicate")]),
        ([GOOD, GOOD | {"outline": "another quest"}], []),
        ([GOOD | {"pair_id": 7}, other(pair_id="7")], [(2, "duplicate")]),
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


def test_defaults_of_a_used_row():
    (context,), (pair,), quarantine = checked(GOOD | {"outline": None, "prompt": "a quest"})
    assert quarantine == []
    assert (context.domain, context.outline, context.characters, context.constraints) == (
        "story",
        "a quest",
        "",
        (),
    )
    assert (pair["source"], pair["annotator"], pair["cohort"]) == ("human", None, None)
    assert checked(GOOD).pairs == [pair]


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
        "label": st.sampled_from(["a", "b", "tie"]),
    },
    optional={
        "context_id": st.sampled_from("12"),
        "pair_id": st.sampled_from("12"),
        "split": st.sampled_from(sorted(SHARES)),
        "constraints": st.just([{"kind": "max_sentences", "parameters": {"n": 3}}]),
    },
)


@given(rows=st.lists(good | st.fixed_dictionaries({}, optional=fields), max_size=8))
def test_used_and_quarantined_are_what_was_read_and_can_be_stored(tmp_path_factory, rows):
    contexts, pairs, quarantine = checked(*rows)
    assert len(pairs) + len(quarantine) == len(rows)
    assert sum(summary(quarantine).values()) == len(quarantine)
    folder = tmp_path_factory.getbasetemp()
    write_rows(folder / "quarantine.parquet", quarantine, QUARANTINE)
    write_rows(folder / "pairs.parquet", pairs, PAIRS)
    write_contexts(folder / "contexts.parquet", contexts)
    assert list(read_contexts(folder / "contexts.parquet").values()) == contexts
    assert {pair["context_id"] for pair in pairs} == {context.context_id for context in contexts}
    assert len({pair["pair_id"] for pair in pairs}) == len(pairs)
    by_premise = {}
    for context in contexts:
        premise = (context.characters, context.previous_plot, context.outline)
        assert by_premise.setdefault(premise, context.split) == context.split or not any(premise)


def written(path, lines):
    path.write_bytes(b"".join(lines))
    return [(row.line, row.defect, row.values) for row in read_file(path)]


def test_jsonl_is_read_line_by_line(tmp_path):
    line = json.dumps(GOOD | {"unknown": 1}).encode()
    rows = written(
        tmp_path / "rows.jsonl",
        [
            b"\xef\xbb\xbf" + line + b"\r\n",
            b"\n",
            b'{"story_a": \n',
            b'{"story_a": "\xff"}\n',
            b"[1]\n",
            b'"text"\n',
            b"[" * 100_000 + b"\n",
            b"9" * 5000 + b"\n",
            '{"story_a": "line\u2028separator\\n"}'.encode(),
        ],
    )
    assert [row[:2] for row in rows] == [
        (1, None),
        (3, "broken JSON"),
        (4, "wrong encoding"),
        (5, "not a JSON object"),
        (6, "not a JSON object"),
        (7, "broken JSON"),
        (8, "broken JSON"),
        (9, None),
    ]
    assert rows[0][2] == GOOD
    assert rows[-1][2] == {"story_a": "line\u2028separator\n"}


@given(content=st.binary(max_size=300) | st.text().map(lambda text: text.encode("utf-16")))
def test_no_bytes_break_the_reader(tmp_path_factory, content):
    for suffix, header in ((".jsonl", b""), (".csv", b"story_a,story_b\n")):
        path = tmp_path_factory.getbasetemp() / f"bytes{suffix}"
        path.write_bytes(header + content)
        rows = list(read_file(path))
        result = validate(rows, SHARES, 0)
        assert len(result.pairs) + len(result.quarantine) == len(rows)


def test_a_quarantined_row_carries_file_line_and_text(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "\xff"}\n')
    (row,) = validate(read_file(path), SHARES, 0).quarantine
    assert row == {"file": str(path), "line": 1, "reason": "wrong encoding", "row": '{"a": "\\udcff"}'}


def test_csv_counts_the_lines_that_an_open_quote_swallows(tmp_path):
    rows = written(
        tmp_path / "rows.csv",
        [
            b"outline,story_a,story_b,label\r\n",
            b'a quest,Once.,"Two\nlines, ""quoted"".",a\r\n',
            b"\r\n",
            b"a quest,Once.\n",
            b"a quest,\xff,Twice.,a\n",
            b'a quest,"Once,Twice.,a\n',
            b"a quest,Once.,Twice.,a\n",
        ],
    )
    assert [row[:2] for row in rows] == [
        (2, None),
        (5, "wrong number of columns"),
        (6, "wrong encoding"),
        (7, "broken CSV"),
        (8, "broken CSV"),
    ]
    assert rows[0][2] == GOOD | {"story_b": 'Two\nlines, "quoted".'}


def test_csv_with_long_stories_empty_cells_and_constraints(tmp_path):
    path = tmp_path / "rows.csv"
    row = GOOD | {"story_a": "x" * 200_000, "annotator": "", "split": "", "domain": ""}
    row["constraints"] = '[{"kind": "max_sentences", "parameters": {"n": 3}}]'
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, row)
        writer.writeheader()
        writer.writerow(row)
    (context,), (pair,), quarantine = validate(read_file(path), SHARES, 0)
    assert quarantine == []
    assert (len(pair["story_a"]), pair["annotator"]) == (200_000, None)
    assert context.constraints[0].parameters == {"n": 3}


def test_parquet_rows(tmp_path):
    path = tmp_path / "rows.parquet"
    constraints = [{"kind": "max_sentences", "parameters": '{"n": 3}'}]
    pq.write_table(pa.Table.from_pylist([GOOD | {"constraints": constraints}, {"label": "b"}]), path)
    result = validate(read_file(path), SHARES, 0)
    assert result.contexts[0].constraints[0].parameters == {"n": 3}
    assert [(row["line"], row["reason"]) for row in result.quarantine] == [(2, "missing story_a")]


def test_parquet_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "rows.parquet"
    story = pa.array([b"Once.", b"\xff"]).view(pa.string())
    pq.write_table(pa.table({"story_a": story}), path)
    assert [row.defect for row in read_file(path)] == [None, "wrong encoding"]


def test_columns_by_another_name(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"prompt": "a quest", "chosen": "Once.", "rejected": "Twice.", "label": "a"}))
    columns = {"story_a": "chosen", "story_b": "rejected", "outline": "prompt", "prompt": "none"}
    (row,) = read_file(path, columns)
    assert row.values == GOOD


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("rows.txt", "x", None, r"\.jsonl"),
        ("rows.parquet", "x", None, "cannot be read as Parquet"),
        ("rows.csv", '"open', None, "header"),
        ("rows.jsonl", "{}", {"chosen": "story_a"}, "chosen"),
    ],
)
def test_files_that_cannot_be_read_at_all(tmp_path, name, content, columns, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        list(read_file(tmp_path / name, columns))


def test_check_share():
    quarantine = [{"reason": "empty story"}, {"reason": "duplicate"}, {"reason": "duplicate"}]
    check_share(10, quarantine, 0.3, "q.parquet")
    with pytest.raises(TooManyBadRows) as raised:
        check_share(10, quarantine, 0.29, "q.parquet")
    for words in ("3 of 10", "2 duplicate, 1 empty story", "29.0%", "data.max_quarantine_share", "q.parquet"):
        assert words in str(raised.value)
    with pytest.raises(TooManyBadRows, match="no rows"):
        check_share(0, [], 1, "q.parquet")

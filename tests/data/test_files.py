import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.data.files import read_file
from rlcs.data.formats import parse_pairs
from rlcs.data.validation import validate

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
GOOD = {"outline": "a quest", "story_a": "Once.", "story_b": "Twice.", "label": "a"}


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
        result = validate(parse_pairs(rows), SHARES, 0)
        assert len(result.pairs) + len(result.quarantine) == len(rows)


def test_a_quarantined_row_carries_file_line_and_text(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "\xff"}\n')
    (row,) = validate(parse_pairs(read_file(path)), SHARES, 0).quarantine
    assert row == {
        "file": str(path),
        "line": 1,
        "reason": "wrong encoding",
        "found": '{"a": "\\udcff"}',
        "advice": row["advice"],
        "row": '{"a": "\\udcff"}',
    }
    assert "UTF-8" in row["advice"]


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
    (context,), (pair,), _, _, quarantine, _ = validate(parse_pairs(read_file(path)), SHARES, 0)
    assert quarantine == []
    assert (len(pair["story_a"]), pair["annotator"]) == (200_000, None)
    assert context.constraints[0].parameters == {"n": 3}


def test_parquet_rows(tmp_path):
    path = tmp_path / "rows.parquet"
    constraints = [{"kind": "max_sentences", "parameters": '{"n": 3}'}]
    pq.write_table(pa.Table.from_pylist([GOOD | {"constraints": constraints}, {"label": "b"}]), path)
    result = validate(parse_pairs(read_file(path)), SHARES, 0)
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
    ],
)
def test_files_that_cannot_be_read_at_all(tmp_path, name, content, columns, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        list(read_file(tmp_path / name, columns))

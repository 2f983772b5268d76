"""Files of strangers through the stage that reads them: no traceback, and every row is accounted for."""

import csv
import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ingest
from rlcs.data.rows import PairRow
from rlcs.errors import InputError
from rlcs.records import PAIRS, QUARANTINE, UNLABELLED, read_rows
from rlcs.stages.stage import Stage

NASTY = [
    "",
    " ",
    "\x00",
    "\x1b[2J\r",
    "\u202eabc",
    "\ufeff",
    "a\u2028b",
    "{0}$a{{",
    "[[A]]",
    '"',
    "a,b\n",
    "NaN",
]
texts = st.sampled_from(NASTY) | st.text(max_size=20) | st.sampled_from(["Once.", "Twice.", "x" * 70_000])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
plausible = {
    "pair_id": st.sampled_from(["1", "2", "3"]),
    "context_id": st.sampled_from(["c", "d"]),
    "outline": st.sampled_from(["x", "y", "z"]),
    "story_a": st.sampled_from(["one", "two", "three"]),
    "story_b": st.sampled_from(["one", "two", "four"]),
    "label": st.sampled_from(["a", "b", "tie"]),
    "split": st.sampled_from(["train", "test"]),
}
strange = st.fixed_dictionaries({}, optional={name: values for name in PairRow.model_fields})
rows_of = st.lists(st.fixed_dictionaries(plausible) | strange, min_size=1, max_size=6)


# What is needed to go on, whatever else a file holds.
ANCHORS = [
    {
        "pair_id": split,
        "context_id": split,
        "outline": split,
        "story_a": "one",
        "story_b": "two",
        "label": "a",
    }
    | {"split": split}
    for split in ("train", "test")
]


def read_through(path, tmp_path):
    """Rows used and rows in quarantine."""
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text("".join(json.dumps(row) + "\n" for row in ANCHORS))
    config = {"data": {"max_quarantine_share": 1}, "synthetic": False}
    output = tmp_path / "out" / "manifest.json"
    ingest.main(
        Stage(
            "ingest", Path(ingest.__file__), config, {"files": (anchors, path), "contexts": ()}, output, 0, {}
        )
    )
    out = output.parent
    used = read_rows(out / "pairs.parquet", PAIRS) + read_rows(out / "unlabelled.parquet", UNLABELLED)
    return len(used), len(read_rows(out / "quarantine.parquet", QUARANTINE))


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, logger="rlcs")


fuzz = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@fuzz
@given(
    rows=rows_of, broken=st.lists(st.sampled_from(["{", "[]", "nul", '{"a": 1e999}', "\\udc80"]), max_size=2)
)
def test_jsonl(tmp_path, rows, broken):
    path = tmp_path / "pairs.jsonl"
    lines = [json.dumps(row) for row in rows] + broken
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert sum(read_through(path, tmp_path)) == len(lines) + 2


@fuzz
@given(rows=rows_of)
def test_csv(tmp_path, rows):
    path = tmp_path / "pairs.csv"
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, list(PairRow.model_fields))
        writer.writeheader()
        writer.writerows(rows)
    assert sum(read_through(path, tmp_path)) == len(rows) + 2


@fuzz
@given(rows=rows_of, encoding=st.sampled_from(["utf-16", "utf-32", "latin-1", "cp1252"]))
def test_csv_in_another_encoding(tmp_path, rows, encoding):
    path = tmp_path / "pairs.csv"
    lines = [",".join(str(row.get(name, "")) for name in PairRow.model_fields) for row in rows]
    path.write_text("\n".join([",".join(PairRow.model_fields), *lines]), encoding=encoding, errors="replace")
    try:
        assert sum(read_through(path, tmp_path)) > 2
    except InputError as error:  # a header that cannot be read
        assert "cannot read" in str(error)  # noqa: PT017


columns = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(
            [
                pa.string(),
                pa.large_string(),
                pa.int64(),
                pa.float64(),
                pa.bool_(),
                pa.binary(),
                pa.list_(pa.string()),
            ]
        )
        for name in PairRow.model_fields
    },
)
CELLS = {
    pa.string(): texts,
    pa.large_string(): texts,
    pa.int64(): st.integers(-(2**60), 2**60),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.binary(): st.binary(max_size=9),
    pa.list_(pa.string()): st.lists(texts, max_size=2),
}


@fuzz
@given(data=st.data(), columns=columns, count=st.integers(1, 5))
def test_parquet(tmp_path, data, columns, count):
    path = tmp_path / "strange.parquet"
    cells = {
        name: pa.array(data.draw(st.lists(st.none() | CELLS[kind], min_size=count, max_size=count)), kind)
        for name, kind in columns.items()
    }
    pq.write_table(pa.table(cells | {"n": pa.array(range(count))}), path)
    assert sum(read_through(path, tmp_path)) == count + 2


@fuzz
@given(rows=st.lists(st.fixed_dictionaries(plausible), min_size=1, max_size=6))
def test_parquet_with_nested_and_duplicate_rows(tmp_path, rows):
    path = tmp_path / "pairs.parquet"
    twice = [row | {"constraints": [{"kind": "max_sentences", "parameters": "{}"}]} for row in rows * 2]
    pq.write_table(pa.Table.from_pylist(twice), path)
    assert sum(read_through(path, tmp_path)) == len(twice) + 2

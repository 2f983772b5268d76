"""Files of strangers through ``ingest.py``, as the workflow runs it: quarantined or refused, no traceback."""

import csv
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paths import SCRIPTS
from rlcs.data.preferences import Preferences
from rlcs.records import ANNOTATIONS, PAIRS, QUARANTINE, UNLABELLED, read_contexts, read_rows

SCRIPT = SCRIPTS / "ingest.py"
BAD = {
    3: ('{"outline": "a quest", "story_a": "One.', "broken JSON"),
    5: ({"story_b": None}, "missing story_b"),
    6: ({"story_a": "  "}, "empty story"),
    8: ({"label": "first"}, "unknown label"),
    9: ({"pair_id": "p1"}, "pair differs from an earlier one of the same id"),
    11: ({"context_id": "c1", "outline": "quest 1", "split": "test"}, "context in two splits"),
}


def good(n):
    return {
        "pair_id": f"p{n}",
        "context_id": f"c{n}",
        "outline": f"quest {n}",
        "story_a": f"Story {n} began.",
        "story_b": f"Story {n} ended.",
        "label": "ab"[n % 2],
        "split": "test" if n % 4 == 0 else "train",
    }


def line_of(n):
    change, _ = BAD.get(n, ({}, ""))
    return change if isinstance(change, str) else json.dumps(good(n) | change)


@pytest.fixture
def ingest(tmp_path):
    def run(*files, **data):
        config = {"data": {"max_quarantine_share": 0.5} | data, "synthetic": False}
        command = [sys.executable, SCRIPT, "--config", json.dumps(config), "--files", *files]
        return subprocess.run(
            [*command, "--output", tmp_path / "out" / "manifest.json"],
            cwd=tmp_path,
            env={**os.environ, "HF_HOME": str(tmp_path / "hub cache")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def mixed(tmp_path):
    """Twelve lines, six of which are bad in six ways."""
    path = tmp_path / "mixed.jsonl"
    path.write_text("".join(f"{line_of(n)}\n" for n in range(1, 13)), encoding="utf-8")
    return path


def test_bad_rows_are_quarantined_with_line_and_reason_and_counted(ingest, mixed, tmp_path):
    done = ingest(mixed)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    out = tmp_path / "out"
    quarantine = read_rows(out / "quarantine.parquet", QUARANTINE)
    assert {row["line"]: row["reason"] for row in quarantine} == {n: reason for n, (_, reason) in BAD.items()}
    for row in quarantine:
        assert row["file"] == str(mixed)
        assert row["row"] == line_of(row["line"])
    assert "12 rows read, 6 used, 6 in quarantine" in done.stderr
    assert Preferences(out).rows_read == 12  # the report says so
    for _, reason in BAD.values():
        assert f"quarantine: 1 x {reason}" in done.stderr
    assert f"quarantine: 1 x broken JSON, as in {mixed} line 3 (" in done.stderr

    used = [n for n in range(1, 13) if n not in BAD]
    assert [row["pair_id"] for row in read_rows(out / "pairs.parquet", PAIRS)] == [f"p{n}" for n in used]
    splits = {name: context.split for name, context in read_contexts(out / "contexts.parquet").items()}
    assert splits == {f"c{n}": good(n)["split"] for n in used}


def test_above_the_share_the_run_stops_with_one_message(ingest, mixed, tmp_path):
    done = ingest(mixed, max_quarantine_share=0.4)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.stderr.rstrip().endswith(error)
    assert error.startswith("error: 6 of 12 rows (50.0%) cannot be used: ")
    assert "At most 40.0% may be lost (data.max_quarantine_share)" in error
    assert not (tmp_path / "out").exists()
    named = next(word.rstrip(";,.") for word in error.split() if "quarantine.parquet" in word)
    assert len(read_rows(tmp_path / named, QUARANTINE)) == 6  # the file that the message names is there


def test_files_of_several_kinds_with_columns_of_other_names(ingest, tmp_path):
    rows = [
        {"outline": f"quest {n}", "better": f"A {n}.", "worse": f"B {n}.", "label": "a"} for n in range(30)
    ]
    lines = [",".join(row.values()) for row in rows[:10]]
    (tmp_path / "a.csv").write_text("\n".join([",".join(rows[0]), *lines, "only,three,cells"]) + "\n")
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[10:20]))
    pq.write_table(pa.Table.from_pylist(rows[20:]), tmp_path / "c.parquet")
    done = ingest("a.csv", "b.jsonl", "c.parquet", columns={"story_a": "better", "story_b": "worse"})
    assert done.returncode == 0, done.stderr
    (bad,) = read_rows(tmp_path / "out" / "quarantine.parquet", QUARANTINE)
    assert (bad["file"], bad["line"], bad["reason"]) == ("a.csv", 12, "wrong number of columns")
    pairs = read_rows(tmp_path / "out" / "pairs.parquet", PAIRS)
    assert [pair["story_a"] for pair in pairs] == [row["better"] for row in rows]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jsonl", b"", "the preferences have no rows"),
        ("pairs.xlsx", b"x", "unknown kind of file; known: .json, .jsonl, .ndjson, .csv, .tsv, .parquet"),
        ("pairs.parquet", b"no parquet", "cannot be read as Parquet"),
        ("pairs.csv", b"a,b\n1,2\n", "no row has a column 'story_a'. Columns found: 'a', 'b'"),
        ("pairs.jsonl", b"\xfe\n\xff\n", "2 wrong encoding"),
        ("pairs.jsonl", b"[1]\n3\n", "2 not a JSON object"),
    ],
)
def test_files_that_cannot_be_used(ingest, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    done = ingest(name)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert message in error


def test_a_file_that_is_not_there(ingest):
    done = ingest("nowhere.jsonl")
    assert done.returncode == 2
    assert "argument --files: no such file: nowhere.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_field_in_columns(ingest, mixed):
    done = ingest(mixed, columns={"storya": "chosen"})
    assert done.returncode == 1
    assert "data.columns: unknown fields ['storya']; known: " in done.stderr
    assert "Traceback" not in done.stderr


def litbench(n):
    return {
        "prompt": f"[WP] quest {n}",
        "chosen_story": f"Story {n} was told well.",
        "rejected_story": f"Story {n} was told.",
        "chosen_timestamp": "2021-01-01T00:00:00",
        "chosen_upvotes": 30,
        "rejected_upvotes": 11,
    }


def test_a_hub_data_set_of_chosen_and_rejected_stories(ingest, tmp_path):
    folder = tmp_path / "hub" / "data"
    folder.mkdir(parents=True)
    rows = [litbench(n) for n in range(30)] + [litbench(3), litbench(40) | {"chosen_story": ""}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")
    hub = {"name": str(tmp_path / "hub"), "revision": "0123456789" * 4}
    done = ingest(hub=hub, preset="litbench")
    assert done.returncode == 0, done.stderr
    assert "32 rows read, 30 used, 2 in quarantine" in done.stderr
    bad = read_rows(tmp_path / "out" / "quarantine.parquet", QUARANTINE)
    assert [(row["line"], row["reason"]) for row in bad] == [(31, "duplicate"), (32, "empty story")]
    assert bad[0]["file"] == f"{tmp_path / 'hub'}@012345678901/train"
    assert json.loads(bad[0]["row"])["prompt"] == "[WP] quest 3"
    pairs = read_rows(tmp_path / "out" / "pairs.parquet", PAIRS)
    assert all(pair[f"story_{pair['label']}"].endswith("well.") for pair in pairs)
    assert {pair["label"] for pair in pairs} == {"a", "b"}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("nowhere", {}, "nowhere@0000"),
        ("nowhere", {"revision": None}, "nowhere cannot be found: "),
        ("hub", {"split": "dev"}, "dev"),
        ("hub", {"config": "other"}, "other"),
    ],
)
def test_a_hub_data_set_that_cannot_be_had(ingest, tmp_path, name, change, message):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "train.jsonl").write_text(json.dumps(litbench(1)) + "\n")
    done = ingest(hub={"name": str(tmp_path / name), "revision": "0" * 40} | change, preset="litbench")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: cannot read the preferences: " in done.stderr
    assert message in done.stderr[done.stderr.index("error: ") :]


def test_a_table_of_ratings(ingest, tmp_path):
    criteria = ["Relevance", "Coherence", "Empathy", "Surprise", "Engagement", "Complexity"]
    header = ["Story ID", "Prompt", "Human", "Story", "Model", *criteria, "Worker ID"]
    lines = [
        [n, f"prompt {n // 2}", "human", f"story {n}", f"model {n % 2}", *[score] * 6, f"worker {rater}"]
        for n in range(40)
        for rater, score in enumerate((4, 5, 1) if n % 2 else (2, 3, 3))
    ]
    lines[7][-2] = "five"
    with (tmp_path / "hanna.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *lines])
    done = ingest("hanna.csv", preset="hanna", ratings={"margin": 0.5})
    assert done.returncode == 0, done.stderr
    assert "120 rows read, 119 used, 1 in quarantine" in done.stderr
    assert Preferences(tmp_path / "out").rows_read == 120  # of 20 pairs
    assert "20 pairs with a label, 0 without" in done.stderr
    assert "annotators: 20 pairs have several; two of them agree on " in done.stderr
    assert "Krippendorff's alpha -0." in done.stderr
    pairs = read_rows(tmp_path / "out" / "pairs.parquet", PAIRS)
    assert all(int(pair[f"story_{pair['label']}"].split()[1]) % 2 for pair in pairs)
    votes = read_rows(tmp_path / "out" / "annotations.parquet", ANNOTATIONS)
    assert len(votes) == 59  # of three raters on twenty pairs one rating is lost
    assert {vote["annotator"] for vote in votes} == {"worker 0", "worker 1", "worker 2"}


def test_pairs_without_a_label_are_kept_apart_and_counted(ingest, tmp_path):
    rows = [good(n) | ({"label": None} if n > 8 else {}) for n in range(1, 13)]
    (tmp_path / "some.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = ingest("some.jsonl")
    assert done.returncode == 0, done.stderr
    assert "12 rows read, 12 used, 0 in quarantine" in done.stderr
    assert "8 pairs with a label, 4 without" in done.stderr
    apart = read_rows(tmp_path / "out" / "unlabelled.parquet", UNLABELLED)
    assert [row["pair_id"] for row in apart] == ["p9", "p10", "p11", "p12"]
    assert len(read_rows(tmp_path / "out" / "pairs.parquet", PAIRS)) == 8

    done = ingest("some.jsonl", columns={"label": "preferred"})
    assert done.returncode == 1
    assert "no row has a column 'preferred'. Columns found: 'pair_id', 'context_id'" in done.stderr
    done = ingest("some.jsonl", ignore=["label"])
    assert done.returncode == 1
    assert "error: 0 of 12 pairs have a label, none of them in the split 'train'" in done.stderr
    assert "name the label's column in data.columns" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_without_contexts(ingest, tmp_path, split):
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(good(1) | {"split": "test" if split == "train" else "train"}))
    done = ingest(path)
    assert done.returncode == 1
    assert f"error: 1 contexts, none of them in the split {split!r}: add more contexts" in done.stderr
    assert "Traceback" not in done.stderr

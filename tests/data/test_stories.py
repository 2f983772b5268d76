"""Stories from a file as one more system, and which stories meet."""

import json

import pytest

from rlcs.data.matches import matches_of, pairs_of, thinned
from rlcs.data.stories import read_stories
from rlcs.errors import InputError
from rlcs.records import STORIES, Context, read_rows, write_rows

CONTEXTS = {
    name: Context(name, "story", "", "", "", (), split)
    for name, split in (("c1", "test"), ("c2", "test"), ("c3", "train"))
}


def stories(tmp_path, *rows):
    path = tmp_path / "stories.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_stories(path, CONTEXTS, "people", 7)


def row(context_id, text):
    return {"context_id": context_id, "text": text, "author": "x"}


def test_rows_of_a_context_are_its_samples_and_other_splits_are_left_out(tmp_path):
    found = stories(
        tmp_path, row("c1", "One {braces}."), row("c2", "Two."), row("c3", "No."), row("c1", "Three!")
    )
    assert [(r["context_id"], r["sample"], r["text"]) for r in found] == [
        ("c1", 0, "One {braces}."),
        ("c2", 0, "Two."),
        ("c1", 1, "Three!"),
    ]
    assert {(r["policy"], r["seed"], r["truncated"]) for r in found} == {("people", 7, False)}
    write_rows(tmp_path / "stories.parquet", found, STORIES)
    assert read_rows(tmp_path / "stories.parquet", STORIES) == [
        {**r, "reasoning_tokens": None} for r in found
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [row("c1", "A."), row("c9", "B."), "{"],
            r"1 x unknown context_id \(first in line 2\), 1 x broken JSON",
        ),
        ([row("c1", " "), row("c1", "")], r"2 x no text \(first in line 1\)"),
        ([{"text": "A."}], "1 x no context_id"),
        ([{"context_id": "c1", "text": 3}], "1 x no text"),
        ([row("c3", "A.")], "none of the stories of 'people' is for a held-out context"),
        ([], "none of the stories"),
    ],
)
def test_what_cannot_be_used_is_counted_and_said(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        stories(tmp_path, *rows)


def test_every_two_policies_meet_where_both_wrote():
    texts = {
        (policy, context, sample): f"{policy} {context} {sample}"
        for policy in ("x", "y", "z")
        for context in ("c1", "c2")
        for sample in range(2)
    }
    whole = matches_of(texts, ["x", "y", "z"])
    assert len(whole) == 3 * 4
    assert len({match["match_id"] for match in whole}) == len(whole)
    del texts["z", "c2", 1]
    part = matches_of(texts, ["x", "y", "z"])
    assert [m for m in whole if m not in part] == [
        m
        for m in whole
        if "z" in (m["policy_a"], m["policy_b"]) and (m["context_id"], m["sample"]) == ("c2", 1)
    ]
    for match, pair in zip(part, pairs_of(part, texts), strict=True):
        assert pair["pair_id"] == match["match_id"]
        place = (match["context_id"], match["sample"])
        assert pair["story_a"] == texts[match["policy_a"], *place]
        assert pair["story_b"] == texts[match["policy_b"], *place]


def test_pairs_that_no_table_needs_meet_in_the_first_contexts_alone():
    policies = ["w", "x", "y", "z"]
    texts = {(policy, f"c{n}", 0): policy for policy in policies for n in (2, 0, 1)}
    whole = matches_of(texts, policies)
    kept = thinned(whole, [["z", "x"], ("x", "y")], contexts=2)
    left_out = [match["match_id"] for match in whole if match not in kept]
    assert left_out == ["w/x/c2/0", "w/y/c2/0", "w/z/c2/0", "y/z/c2/0"]
    assert thinned(whole, [], contexts=3) == whole
    assert thinned([], [], contexts=3) == []

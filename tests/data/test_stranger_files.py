"""Files as people export them, through the stage that reads them: used whole, or said what to do."""

import logging
import re
from collections import Counter
from pathlib import Path

import pytest

import ingest
from rlcs.config.data import DataConfig
from rlcs.data.preferences import Preferences
from rlcs.errors import InputError
from rlcs.stages.stage import Stage
from rlcs.text import premise_key
from stranger_files import CASES, ROWS, Case, csv_bytes, jsonl, rows

USED_WHOLE = [
    "json_array",
    "jsonl_in_json",
    "gz",
    "tsv",
    "upper",
    "semicolon",
    "tab_csv",
    "bom",
    "utf16",
    "newlines",
    "header_spaces",
    "cr",
    "crlf",
    "u2028",
    "nul",
    "trailing_comma",
    "ragged",
    "votes_empty_csv",
    "votes_zero",
    "split_dev",
    "annotator_float",
    "source_int",
    "domain_null",
    "characters_list",
    "messages",
    "sep_line",
    "pretty",
    "emoji",
    "long20k",
    "zh_cut",
    "swapped",
    "label_AB",
    "label_Tie",
    "removed",
    "html",
    "newline_tokens",
]

# The number of pairs with a label; all rows are used.
WHOLE = {
    **dict.fromkeys(USED_WHOLE, 8),
    "label_nan": 7,
    "label_na_csv": 57,
    "near_prompts": 280,
    "nfc_nfd": 80,
    "story_across": 16,
    "cr_prompt_inside": 40,
    "cr_label": 40,
    "ratings_close": 18,
    "ratings_space": 20,
    "ratings_reverse": 20,
    "ratings_wide": 20,
}

# The reason of the rows that are not used, and their number.
SOME = {
    "qualtrics": ("another header row", 2),
    "anon_conflict_few": ("another label for the same pair", 2),
    "cr_both": ("another label for the same pair", 1),
    "surrogate": ("wrong encoding", 1),
    "context_reused": ("context differs from an earlier one of the same id", 1),
}

UNKNOWN_LABELS = [
    "model",
    "arena",
    "one_two",
    "ints",
    "zero_one",
    "left",
    "first",
    "signed",
    "floats",
    "bools",
    "words",
]

# What the message says: what was found, and what to do.
REFUSED = {
    "txt": [r"unknown kind of file; known: \.json, \.jsonl"],
    "cp1252": ["1 wrong encoding", "line 4", "iconv -f cp1252 -t utf-8"],
    "header_twice": [r"several columns of one name: \['story_a'\]; rename"],
    "backslash": ["8 broken CSV", "is doubled, not escaped by a backslash"],
    "label_missing_column": ["0 of 8 pairs have a label", "data.columns", "Columns found: .*winner"],
    "arena_csv": ["0 of 8 pairs have a label", "Columns found: .*winner_model_a"],
    "votes_upvotes": ["votes: '1,024'", r"data: \{ignore: \[votes\]\}"],
    "votes_word": ["votes: '3:1'", '{"a": 3, "b": 1}'],
    "split_all_test": ["none of them in the split 'train'", r"data: \{ignore: \[split\]\}"],
    "constraints_text": ["'Write 200 words; no dialogue.'", r"data: \{ignore: \[constraints\]\}"],
    "outline_and_prompt": ["both outline and prompt", r"data: \{ignore: \[outline\]\}"],
    "prompt_int": [r"wrong type of prompt, as in .* line 1 \(prompt: 0\)", "must be a text"],
    "hh": ["no row has a prompt", "Columns found: 'chosen', 'rejected'"],
    "nested": ["labels found: [01] .4., [01] .4."],
    "anon_votes": ["8 another label for the same pair, 8 duplicate", "annotator, or one row with votes"],
    "dup_stories_ws": ["40 duplicate", "line 41"],
    "invisible": ["8 empty story"],
    "zh_long": ["8 story of more than 450 words"],
    "cut_same": ["8 identical stories"],
    "ratings_comma": ["80 wrong type of scores", r"a number with a point: 3\.5"],
    "mapped_away": ["no row has a column 'winner'", "Columns found: .*'Winner'"],
    "mapped_story": ["no row has a column 'left'", "Columns found: 'prompt', 'story_a'"],
    "mapped_split": ["no row has a column 'fold'", "Columns found: .*'Fold'"],
    "empty_file": ["no rows"],
    "no_header": ["Columns found: 'P0', 'A0'", "header in its first line"],
    **{
        f"label_{name}": [
            "labels found: ",
            r"Write a, b or tie for each \? of data: \{labels: \{",
        ]
        for name in UNKNOWN_LABELS
    },
}

LOGGED = {
    "removed": ["8 of 8 pairs that are used have a story that is [removed] or [deleted]"],
    "html": ["8 of 8 pairs that are used have HTML in a story"],
    "newline_tokens": ["8 of 8 pairs that are used have tokens such as <newline> in a story"],
    "story_across": ["16 of 16 pairs that are used have the same two stories in two splits"],
    "cr_prompt_inside": ["40 of 40 pairs that are used have a story that begins with its prompt"],
    "ratings_close": ["8 of those used are ratings that differ too little for a pair"],
    "context_reused": ["(context_id: '0')"],
}


@pytest.fixture
def read(tmp_path, caplog):
    def run(name: str, case: Case) -> Preferences:
        file = tmp_path / f"{name}.{case.extension}"
        file.write_bytes(case.content)
        caplog.set_level(logging.INFO, logger="rlcs")
        config = {"data": case.data, "synthetic": False}
        inputs = {"files": (file,), "contexts": ()}
        output = tmp_path / "out" / "manifest.json"
        ingest.main(Stage("ingest", Path(ingest.__file__), config, inputs, output, 0, {}))
        return Preferences(output.parent)

    return run


def test_every_case_has_an_outcome():
    assert sorted([*WHOLE, *SOME, *REFUSED]) == sorted(CASES)


@pytest.mark.parametrize("name", WHOLE)
def test_files_that_are_used_whole(read, caplog, name):
    found = read(name, CASES[name])
    assert found.quarantine == []
    assert len(found.pairs()) == WHOLE[name]
    for message in LOGGED.get(name, []):
        assert message in caplog.text


@pytest.mark.parametrize("name", SOME)
def test_rows_that_are_set_aside(read, caplog, name):
    reason, count = SOME[name]
    found = read(name, CASES[name])
    assert Counter(row["reason"] for row in found.quarantine) == {reason: count}
    assert all(row["found"] and row["advice"] and row["line"] for row in found.quarantine)
    assert f"quarantine: {count} x {reason}, as in " in caplog.text
    for message in LOGGED.get(name, []):
        assert message in caplog.text


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_refused_with_what_to_do(read, name):
    with pytest.raises(InputError) as raised:
        read(name, CASES[name])
    for pattern in REFUSED[name]:
        assert re.search(pattern, str(raised.value)), f"{pattern} is not in: {raised.value}"


@pytest.mark.parametrize(
    "name", ["json_array", "gz", "tsv", "semicolon", "utf16", "sep_line", "pretty", "crlf"]
)
def test_the_kind_of_file_changes_nothing(read, name):
    pairs = read(name, CASES[name]).pairs()
    assert [(pair["story_a"], pair["story_b"], pair["label"]) for pair in pairs] == [
        (row["story_a"], row["story_b"], row["label"]) for row in ROWS
    ]


def test_the_spellings_of_a_premise_stand_in_one_split(read):
    contexts = read("near_prompts", CASES["near_prompts"]).contexts.values()
    assert len(contexts) == 40
    assert len({premise_key(context.outline) for context in contexts}) == 40


def test_messages_become_prompt_and_stories(read):
    found = read("messages", CASES["messages"])
    assert {context.outline for context in found.contexts.values()} == {f"Tale {n}" for n in range(8)}
    assert {pair[f"story_{pair['label']}"] for pair in found.pairs()} == {"Once."}


def test_a_second_annotator_who_saw_the_other_order_agrees(read):
    assert {pair["soft_label"] for pair in read("swapped", CASES["swapped"]).pairs()} == {0.0, 1.0}


def test_every_column_of_a_wide_table_is_a_rater(read):
    wide = CASES["ratings_wide"]
    found = read("ratings_wide", wide._replace(data={**wide.data, "ratings": {"raters": ["r1", "r2"]}}))
    assert Counter(vote["annotator"] for vote in found.annotations) == {"r1": 20, "r2": 20}


@pytest.mark.parametrize(
    ("data", "values", "expected"),
    [
        ({"labels": {"left": "a", "right": "b"}}, ["left", "Right "], "ab"),
        ({"labels": {"model_a": "a", "tie (bothbad)": "tie"}}, ["model_a", "tie (bothbad)"], ["a", "tie"]),
        ({"labels": {1: "a", 2: "b"}}, [1, "2"], "ab"),
        ({"labels": {0: "a", 1: "b"}}, [0.0, 1.0], "ab"),
        ({"labels": {True: "a", False: "b"}}, [True, False], "ab"),
        ({"label_scale": {"a": -3, "b": 3}}, [-3, 2], "ab"),
        ({"label_scale": {"a": 1, "b": 7, "margin": 1}}, ["1", "5"], ["a", "tie"]),
        ({"label_scale": {"a": 7, "b": 1, "margin": 0.5}}, [7, 3], "ab"),
    ],
)
def test_labels_of_other_names(read, data, values, expected):
    case = Case("jsonl", "labels", data, jsonl(rows(label=lambda n: values[n % 2])))
    assert [pair["label"] for pair in read("labels", case).pairs()] == list(expected) * 4


def test_votes_for_labels_of_other_names(read):
    votes = rows(votes=lambda n: {"left": 3.0, "Right": 1}, label=None)
    case = Case("jsonl", "votes", {"labels": {"left": "a", "right": "b"}}, jsonl(votes))
    assert {pair["soft_label"] for pair in read("votes", case).pairs()} == {0.75}


@pytest.mark.parametrize("name", ["votes_upvotes", "votes_word", "constraints_text", "outline_and_prompt"])
def test_the_way_out_that_a_message_names_is_one(read, name):
    with pytest.raises(InputError) as raised:
        read(name, CASES[name])
    (column,) = set(re.findall(r"\{ignore: \[(\w+)\]\}", str(raised.value)))
    case = CASES[name]._replace(data={"ignore": [column]})
    assert len(read(name, case).pairs()) == 8


def test_a_short_row_is_read_only_if_nothing_that_counts_is_missing(read):
    table = csv_bytes(rows(40)).replace(b"The fox ran 3.,The owl slept 3.,b,train", b"The fox ran 3.")
    found = read("short", Case("csv", "one short row", {}, table))
    assert [(row["line"], row["reason"]) for row in found.quarantine] == [(5, "wrong number of columns")]


def test_folders_are_read_file_by_file(tmp_path):
    for name in ("b.jsonl.gz", "a.csv", ".hidden.csv", "notes.txt", "below/c.Parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    data = DataConfig(preferences=[tmp_path, tmp_path / "notes.txt"])
    names = [str(path.relative_to(tmp_path)) for path in data.input_files]
    assert names == ["a.csv", "b.jsonl.gz", "below/c.Parquet", "notes.txt"]


def test_a_changed_file_of_a_local_data_set_is_an_input(tmp_path):
    (tmp_path / "train.jsonl").touch()
    assert DataConfig(hub={"name": str(tmp_path)}).input_files == [tmp_path / "train.jsonl"]
    assert DataConfig(hub={"name": "owner/name"}).input_files == []


@pytest.mark.parametrize("key", ["preferences", "contexts"])
def test_braces_in_a_file_name_are_refused(key):
    with pytest.raises(ValueError, match=r"'my\{1\}.csv' has braces, .* rename"):
        DataConfig.model_validate({key: ["my{1}.csv"]})


def test_contexts_have_columns_of_their_own(tmp_path):
    file = tmp_path / "contexts.csv"
    file.write_text("Task;id\nA wolf;1\n")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_bytes(jsonl(rows(40)))

    def run(columns):
        config = {"data": {"context_columns": columns}, "synthetic": False}
        inputs = {"files": (pairs,), "contexts": (file,)}
        stage = Stage(
            "ingest", Path(ingest.__file__), config, inputs, tmp_path / "out" / "manifest.json", 0, {}
        )
        ingest.main(stage)
        return [context.outline for context in Preferences(stage.output.parent).contexts.values()]

    assert "A wolf" in run({"prompt": "Task"})
    with pytest.raises(
        InputError, match=r"no row has a column 'task'. Columns found: 'Task', 'id'. data.context_col"
    ):
        run({"prompt": "task"})

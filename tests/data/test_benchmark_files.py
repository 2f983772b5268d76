"""Files in the shapes of known benchmarks are read by their presets alone."""

import json
from pathlib import Path
from random import Random

import pytest
from pydantic import ValidationError

import benchmark_files
import ingest
from benchmark_files import BAD, GOOD, PROMPTS, WORSE, WORST
from rlcs.config.benchmarks import BenchmarkConfig
from rlcs.config.data import DataConfig
from rlcs.data.files import read_files
from rlcs.data.formats import fields_of, leave_out_rows, required_fields, validated_pairs
from rlcs.data.made_up import made_up_rows
from rlcs.data.source_keys import name_keys
from rlcs.data.story_length import limit_length
from rlcs.data.subset import take_subset
from rlcs.data.survey import survey
from rlcs.errors import InputError
from rlcs.stages.stage import Stage


def read(file, **keys):
    data = DataConfig(preferences=[file], **keys)
    rows = read_files([file], data.columns, fields_of(data), required_fields(data))
    return validated_pairs(limit_length(leave_out_rows(rows, data), data.story_length)[0], data)


def of(pair):
    """The prompt, the chosen and the rejected story of a pair."""
    stories = pair["story_a"], pair["story_b"]
    return stories if pair["label"] == "a" else stories[::-1]


def texts(result):
    prompts = {context.context_id: context.outline for context in result.contexts}
    return {(prompts[pair["context_id"]], *of(pair)) for pair in result.pairs}


def saved(folder, rows, name="rows.jsonl"):
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_a_rehydrated_litbench_sets_deleted_comments_aside(tmp_path):
    result = read(benchmark_files.written("litbench_test", tmp_path), preset="litbench_test")
    assert texts(result) == set(zip(PROMPTS, GOOD, BAD, strict=True))
    assert [(row["line"], row["reason"]) for row in result.quarantine] == [(5, "empty story")]


def test_writing_preference_bench_is_read_from_its_array(tmp_path):
    result = read(
        benchmark_files.written("writing_preference_bench", tmp_path), preset="writing_preference_bench"
    )
    assert texts(result) == set(zip(PROMPTS, GOOD, BAD, strict=True))
    assert {context.domain for context in result.contexts} == {"Fiction/Fairy tale"}
    assert result.quarantine == []


def test_reward_bench_2_is_read_without_its_ties(tmp_path):
    file = benchmark_files.written("reward_bench_2", tmp_path)
    result = read(file, preset="reward_bench_2")
    assert texts(result) == {
        (PROMPTS[n], GOOD[n], other[n]) for n in range(2) for other in (BAD, WORSE, WORST)
    }
    assert {context.domain for context in result.contexts} == {"Factuality", "Focus"}
    with_ties = read(file, preset="reward_bench_2", leave_out={"domain": []})
    assert len(with_ties.contexts) == 3
    assert len(with_ties.pairs) == 3 + 3 + 2 * 3


def test_story_rmb_has_three_rejected_stories_for_one(tmp_path):
    result = read(benchmark_files.written("story_rmb", tmp_path), preset="story_rmb")
    expected = {(PROMPTS[n], GOOD[n], other[n]) for n in range(3) for other in (BAD, WORSE, WORST)}
    assert texts(result) == expected
    assert len(result.contexts) == 3


def test_rejected_stories_may_stand_in_columns_of_their_own(tmp_path):
    rows = zip(PROMPTS, GOOD, BAD, WORSE, WORST, strict=True)
    names = ("prompt", "best", "other_1", "other_2", "other_3")
    file = saved(tmp_path, [dict(zip(names, row, strict=True)) for row in rows])
    columns = {"chosen": "best", "rejected": ["other_1", "other_2", "other_3"]}
    assert len(read(file, format="best_of", columns=columns).pairs) == 9
    columns["rejected"].append("other_4")  # which no row has
    assert {row["reason"] for row in read(file, format="best_of", columns=columns).quarantine} == {
        "empty story, number 4 of rejected"
    }


def test_lists_of_stories_in_a_csv_are_json(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text('prompt,chosen,rejected\nA wolf.,It ran.,"[""It slept."", ""It sat.""]"\n')
    assert texts(read(file, format="best_of")) == {
        ("A wolf.", "It ran.", "It slept."),
        ("A wolf.", "It ran.", "It sat."),
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "p", "chosen": [], "rejected": ["x"]}, "empty list of chosen"),
        ({"prompt": "p", "chosen": "y"}, "missing rejected"),
        ({"prompt": "p", "chosen": "y", "rejected": ["x", " "]}, "empty story, number 2 of rejected"),
        ({"prompt": "p", "chosen": "y", "rejected": "[]"}, "empty list of rejected"),
        ({"prompt": "p", "chosen": "y", "rejected": ["x", "Y"]}, "identical stories"),
        ({"prompt": "p", "chosen": "y", "rejected": ["x", 3]}, "wrong type of rejected"),
        ({"chosen": "y", "rejected": ["x", "z"]}, "no context"),
        ({"prompt": "p", "outline": "o", "chosen": "y", "rejected": ["x", "z"]}, "both outline and prompt"),
        ({"prompt": "q", "chosen": "good", "rejected": ["bad", "worse"]}, "duplicate"),
    ],
)
def test_a_row_of_several_stories_is_used_or_set_aside_as_a_whole(row, reason, tmp_path):
    good = {"prompt": "q", "chosen": "good", "rejected": ["bad", "worse"]}
    result = read(saved(tmp_path, [good, row]), format="best_of")
    assert [(entry["line"], entry["reason"]) for entry in result.quarantine] == [(2, reason)]
    assert len(result.pairs) == 2


def test_rows_of_one_prompt_stay_rows_of_their_own(tmp_path):
    rows = [{"prompt": "p", "chosen": f"good {n}", "rejected": ["bad", "worse", "Bad"]} for n in range(3)]
    result = read(saved(tmp_path, rows), format="best_of")
    assert len(result.contexts) == 3
    assert len(result.pairs) == 6  # a story that stands twice in a row counts once


def test_long_stories_among_several_are_truncated_or_set_aside(tmp_path):
    file = saved(tmp_path, [{"prompt": "p", "chosen": "one two", "rejected": ["a b c d", "e"]}])
    rule = {"max_words": 3, "too_long": "truncate"}
    assert texts(read(file, format="best_of", story_length=rule)) == {
        ("p", "one two", "a b c"),
        ("p", "one two", "e"),
    }
    dropped = read(file, format="best_of", story_length={"max_words": 3})
    assert [row["reason"] for row in dropped.quarantine] == ["story of more than 3 words"]


@pytest.mark.parametrize("most", [0, 1, 2, 3, 4, 5, 6, 9])
def test_a_subset_has_whole_rows(most, tmp_path):
    result = read(
        benchmark_files.written("story_rmb", tmp_path),
        preset="story_rmb",
        splits={"train": 0, "validation": 0, "test": 1},
    )
    subset = DataConfig(subset={"test": most or None}).subset
    kept = take_subset(result, subset, 0, whole_contexts=True)
    assert len(kept.pairs) == 3 * len(kept.contexts) == (most // 3 * 3 or (9 if most == 0 else 0))


def test_fields_that_are_left_out_must_be_known(tmp_path):
    with pytest.raises(ValueError, match=r"data.leave_out: unknown fields \['subset'\]"):
        fields_of(DataConfig(leave_out={"subset": ["Ties"]}))
    with pytest.raises(InputError, match="no row has a column 'subset'"):
        read(saved(tmp_path, [{"prompt": "p", "chosen": "a", "rejected": "b"}]), preset="reward_bench_2")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "names no source"),
        ({"preferences": ["x.csv"], "hub": {"name": "a/b"}}, "names both"),
        ({"preferences": ["x.csv"], "metric": "best_of"}, "needs rows with several stories"),
        ({"preferences": ["x.csv"], "columns": {"chosen": ["a", "b"]}}, "several columns"),
        ({"preferences": ["x.csv"], "splits": {"train": 0}}, "Extra inputs"),
    ],
)
def test_a_benchmark_that_cannot_be_measured_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        BenchmarkConfig.model_validate(keys)


def test_the_metric_and_the_licence_are_known_of_a_preset():
    assert BenchmarkConfig(preferences=["x"], preset="story_rmb").measured == "best_of"
    assert BenchmarkConfig(preferences=["x"], preset="story_rmb", metric="pairs").measured == "pairs"
    litbench = BenchmarkConfig(preferences=["x"], preset="litbench_test")
    assert litbench.measured == "pairs"
    assert "Reddit" in litbench.stated_licence
    assert BenchmarkConfig(preferences=["x"], preset="litbench_test", licence="mine").stated_licence == "mine"


@pytest.mark.parametrize("preset", benchmark_files.WRITERS)
def test_made_up_rows_are_read_as_the_benchmark_is(preset, tmp_path):
    rows = made_up_rows(BenchmarkConfig(preferences=["x"], preset=preset), 20, Random(0))
    result = read(saved(tmp_path, rows), preset=preset)
    assert result.quarantine == []
    assert len(result.pairs) >= 20


@pytest.mark.parametrize(
    "cell", ["['Ada opened it.', 'Ada wept.']", "[Ada opened it.]", '["Ada opened it.",]', "[‘It’]"]
)
def test_a_list_of_stories_that_is_no_json_is_not_taken_for_a_story(cell, tmp_path):
    rows = [
        {"prompt": "p", "chosen": cell, "rejected": "It ran."},
        {"prompt": "q", "chosen": "It bowed.", "rejected": cell},
    ]
    result = read(saved(tmp_path, rows), format="best_of")
    assert [row["reason"] for row in result.quarantine] == [
        "list that is not JSON for chosen",
        "list that is not JSON for rejected",
    ]
    assert all("Write JSON" in row["advice"] and cell[:9] in row["found"] for row in result.quarantine)
    assert not result.pairs


def test_brackets_within_a_story_and_lists_in_json_are_read(tmp_path):
    rows = [{"prompt": "p", "chosen": "[One] It ran.", "rejected": '\n["[It sat.]", "It slept. [End]"]\n'}]
    assert texts(read(saved(tmp_path, rows), format="best_of")) == {
        ("p", "[One] It ran.", "[It sat.]"),
        ("p", "[One] It ran.", "It slept. [End]"),
    }


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("field", ["prompt", "story_a"])
def test_a_conversation_in_a_text_is_neither_a_story_nor_a_prompt(field, quote, tmp_path):
    said = "[{'role': 'user', 'content': 'A wolf.'}]".replace("'", quote)
    row = {"prompt": "p", "story_a": "It ran.", "story_b": "It sat.", "label": "a"} | {field: said}
    (bad,) = read(saved(tmp_path, [row])).quarantine
    assert bad["reason"] == f"messages in a text for {field}"
    assert "list of {role, content}" in bad["advice"]


def test_characters_of_a_csv_are_a_json_list_or_a_text(tmp_path):
    row = {"prompt": "p", "story_a": "It ran.", "story_b": "It sat.", "label": "a"}
    cells = ['["Ann", "Bob"]', "['Ann', 'Bob']", "[Ann]"]
    result = read(saved(tmp_path, [row | {"characters": cell} for cell in cells]))
    assert [context.characters for context in result.contexts] == ["Ann, Bob", "[Ann]"]
    assert [(bad["line"], bad["reason"]) for bad in result.quarantine] == [
        (2, "list that is not JSON for characters")
    ]


def test_an_object_in_a_text_is_told_from_a_missing_one(tmp_path):
    good = {"prompt": "p", "tag": "x", "chosen": {"response": "It ran."}, "rejected": {"response": "It sat."}}
    rows = [good, good | {"chosen": json.dumps(good["chosen"])}, good | {"chosen": {"score": 3}}]
    bad = read(saved(tmp_path, rows), preset="writing_preference_bench").quarantine
    assert [row["reason"] for row in bad] == ["text in place of an object for chosen", "missing chosen"]
    assert bad[0]["found"] == """chosen: '{"response": "It ran."}'"""
    assert "Write it as an object" in bad[0]["advice"]


@pytest.mark.parametrize("cell", ["[deleted]", " [Removed] "])
def test_a_comment_that_reddit_has_lost_is_no_story_of_litbench(cell, tmp_path):
    rows = [
        {"prompt": "p", "chosen_story": "It ran.", "rejected_story": "It sat."},
        {"prompt": "q", "chosen_story": "It ran.", "rejected_story": cell},
    ]
    for preset in ("litbench", "litbench_test"):
        (bad,) = read(saved(tmp_path, rows), preset=preset).quarantine
        assert (bad["line"], bad["reason"]) == (2, "comment deleted on Reddit")
    # elsewhere it is used, and counted as an oddity
    columns = {"chosen": "chosen_story", "rejected": "rejected_story"}
    assert len(read(saved(tmp_path, rows), format="chosen_rejected", columns=columns).pairs) == 2
    assert len(read(saved(tmp_path, rows), format="best_of", columns=columns).pairs) == 2


def survey_of(file, **keys):
    return survey(DataConfig(preferences=[file], **keys))


def test_a_prompt_of_another_name_is_asked_for_by_its_column(tmp_path):
    file = saved(tmp_path, [{"Prompt": "p", "chosen": "It ran.", "rejected": ["It sat.", "It slept."]}])
    with pytest.raises(InputError, match=r"Columns found: 'Prompt', 'chosen'.*: \{prompt: Prompt\}"):
        survey_of(file, preset="story_rmb")
    assert len(survey_of(file, preset="story_rmb", columns={"prompt": "Prompt"}).found.pairs) == 2


def test_numbered_columns_are_named_as_a_list(tmp_path):
    row = {"prompt": "p", "chosen": "It ran."} | {f"rejected_{n}": f"It sat {n}." for n in (1, 2, 3)}
    with pytest.raises(InputError, match=r"\{rejected: \[rejected_1, rejected_2, rejected_3\]\}"):
        survey_of(saved(tmp_path, [row]), preset="story_rmb")


def test_the_survey_counts_every_reason(tmp_path):
    good = [{"prompt": f"p{n}", "story_a": f"A {n}.", "story_b": f"B {n}.", "label": "a"} for n in range(40)]
    bad = [{"story_a": " "}, {"label": "C"}, {"story_b": "A 2."}, {"story_b": None}, {"story_b": 3}]
    file = saved(tmp_path, [*good, *({**good[2], **change} for change in bad), good[0]])
    with file.open("a", encoding="utf-8") as handle:
        handle.write('{"prompt": "p",\n')
    counts = next(line for line in survey_of(file).lines() if line.startswith("not used: 7 rows"))
    assert sorted(counts.removeprefix("not used: 7 rows: ").split(", ")) == [
        "1 broken JSON",
        "1 duplicate",
        "1 empty story",
        "1 identical stories",
        "1 missing story_b",
        "1 unknown label",
        "1 wrong type of story_b",
    ]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("write data: {ignore: [x]}", "write benchmarks.x: {ignore: [x]}"),
        (
            "(data.max_quarantine_share). data.columns",
            "(benchmarks.x.max_quarantine_share). benchmarks.x.columns",
        ),
        ("/my/data.csv, data.jsonl, your data: 3", "/my/data.csv, data.jsonl, your data: 3"),
    ],
)
def test_messages_name_the_keys_of_the_benchmark(message, expected):
    assert name_keys(message, "benchmarks.x") == expected


def test_a_benchmark_that_stops_names_its_own_keys(tmp_path):
    file = saved(tmp_path, [{"prompt": "p", "chosen": "It ran.", "rejected": []}])
    data = DataConfig(preferences=[file], preset="story_rmb").model_dump(mode="json")
    config = {"data": data, "synthetic": False, "benchmark": "stories"}
    inputs = {"files": (file,), "contexts": ()}
    stage = Stage("ingest", Path(ingest.__file__), config, inputs, tmp_path / "out" / "manifest.json", 0, {})
    with pytest.raises(InputError) as raised:
        ingest.main(stage)
    assert "empty list of rejected" in str(raised.value)
    assert "benchmarks.stories.max_quarantine_share" in str(raised.value)
    assert "data." not in str(raised.value)

"""`snakemake init`: a file in any shape gets a config that `check` accepts, or is told what to fill in."""

import logging
import sys

import pytest
import yaml

import check_config
import init
from rlcs.config import parsing
from rlcs.errors import InputError
from rlcs.planning.first_config import MACHINES
from stranger_files import CASES, csv_bytes, jsonl, rows

# Files whose keys nobody states, and that are read all the same.
READ = [name for name, case in CASES.items() if not case.data and not name.startswith(("label_", "votes_"))]
ASKED = {
    "anon_votes": "8 x another label for the same pair",
    "backslash": "no row that can be read",
    "cp1252": "1 x wrong encoding",
    "dup_stories_ws": "40 x duplicate",
    "invisible": "8 x empty story",
    "outline_and_prompt": "8 x both outline and prompt",
    "prompt_int": "8 x wrong type of prompt",
    "split_all_test": "none of them in the split 'train'",
    "txt": "unknown kind of file",
    "header_twice": "several columns of one name",
    "empty_file": "no row that can be read",
    "no_header": "no two columns are surely the stories",
}


def made(folder, content, extension="jsonl", machine="cpu"):
    """The config that init writes for a file, and all that it says."""
    file = folder / f"pairs.{extension}"
    file.write_bytes(content)
    said = init.write(str(file), machine, folder / "mine.yaml")
    return yaml.safe_load((folder / "mine.yaml").read_text(encoding="utf-8")), "\n".join(said)


def errors(raw, folder):
    return [found for found in check_config.find(parsing.parse(raw), folder, None) if found.level == "error"]


@pytest.mark.parametrize("name", READ)
def test_a_config_that_check_accepts_or_a_question(name, tmp_path, caplog):
    caplog.set_level(logging.ERROR, logger="rlcs")
    case = CASES[name]
    if name in ASKED:
        with pytest.raises(InputError, match=ASKED[name]):
            made(tmp_path, case.content, case.extension)
        assert not (tmp_path / "mine.yaml").exists()
        return
    raw, _ = made(tmp_path, case.content, case.extension)
    assert errors(raw, tmp_path) == []


@pytest.mark.parametrize("machine", MACHINES)
def test_each_machine_has_its_config(machine, tmp_path):
    raw, said = made(tmp_path, jsonl(rows(80, split="")), machine=machine)
    assert raw["run"] == "mine"
    assert raw["data"]["splits"] == init.SPLITS
    assert errors(raw, tmp_path) == []
    plans, _ = check_config.plans(parsing.parse(raw))
    assert all(plan.problem({"gpu": 24, "slurm": 80}[machine]) is None for plan in plans)
    assert bool(plans) == (machine != "cpu")
    assert ("--profile slurm" in said) == (machine == "slurm")
    assert raw["training"].get("use_cpu", False) == (machine == "cpu")


def test_what_is_found_is_shown_and_written(tmp_path):
    table = [
        {
            "Premise": f"P{i}",
            "Story 1": f"It ran {i}.",
            "Story 2": "It " + "slept " * (i + 1),
            "Winner": "12"[i % 2],
        }
        | {"Rater": f"r{i % 3}", "split": "yes", "votes": "3:1"}
        for i in range(60)
    ]
    raw, said = made(tmp_path, csv_bytes(table), "csv")
    assert raw["data"]["labels"] == {"1": "a", "2": "b"}
    assert raw["data"]["columns"]["annotator"] == "Rater"
    assert raw["data"]["ignore"] == ["split", "votes"]
    for fact in ("60 rows, 60 used", "(30 a, 30 b, 0 tie)", "60 prompts", "people: 3;", "2 to 61 words"):
        assert fact in said
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert "columns of these names mean something else" in text
    assert len(text.splitlines()) < 70


def test_long_stories_get_a_limit(tmp_path):
    raw, _ = made(tmp_path, jsonl(rows(80, split="", story_a=lambda i: f"{i} word" * (600 if i == 7 else 1))))
    assert raw["data"]["story_length"] == {"max_words": 450, "too_long": "drop"}
    assert errors(raw, tmp_path) == []


def test_nothing_is_overwritten(tmp_path):
    content = jsonl(rows(80, split=""))
    made(tmp_path, content)
    with pytest.raises(InputError, match=r"mine\.yaml is there already, and is not overwritten"):
        made(tmp_path, content)


@pytest.mark.parametrize("given", ["no.jsonl", "some/no.jsonl", "nothing"])
def test_a_file_that_is_not_there(given, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        init.write(given, "cpu", tmp_path / "mine.yaml")


def test_a_folder_of_a_data_set_is_read_as_its_files_are(tmp_path):
    assert init.source(str(tmp_path)) == {"preferences": [str(tmp_path)]}
    assert init.source("SAA-Lab/LitBench-Train") == {"hub": {"name": "SAA-Lab/LitBench-Train"}}


def test_ties_alone_are_refused_by_init_and_by_check(tmp_path):
    content = jsonl(rows(80, split="", label="tie"))
    with pytest.raises(InputError, match="and all are ties: there is nothing to learn"):
        made(tmp_path, content)
    raw, _ = made(tmp_path, jsonl(rows(80, split="")))
    (tmp_path / "pairs.jsonl").write_bytes(content)
    (found,) = errors(raw, tmp_path)
    assert "and all are ties: there is nothing to learn" in found.said


@pytest.mark.parametrize(("label", "chosen"), [("a", "chosen: story_a"), ("b", "chosen: story_b")])
def test_one_label_alone_is_a_warning_of_init_and_of_check(label, chosen, tmp_path):
    raw, said = made(tmp_path, jsonl(rows(80, split="", label=label)))
    warned = [
        found.said
        for found in check_config.find(parsing.parse(raw), tmp_path, None)
        if (found.level, found.subject) == ("warning", "data.preferences")
    ]
    assert len(warned) == 1
    assert chosen in warned[0]
    assert f"warning: {warned[0]}" in said


def test_a_file_without_a_row_that_can_be_read_says_why(tmp_path):
    content = csv_bytes(rows(80, story_a="café"), "latin-1")
    with pytest.raises(
        InputError, match=r"80 x wrong encoding, as in .*pairs\.csv line 2 .*Files are UTF-8.*iconv"
    ):
        made(tmp_path, content, "csv")


def test_a_folder_without_a_file_is_named(tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(
        InputError, match=rf"no file of pairs in the folder {tmp_path / 'none'}; known kinds: "
    ):
        init.write(str(tmp_path / "none"), "cpu", tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("fields", "key", "answer"),
    [
        ({"label": lambda i: i % 2}, "labels", {"0": "a", "1": "b"}),
        ({"label": lambda i: 1 + i % 2}, "labels", {"1": "a", "2": "b"}),
        ({"label": lambda i: f"model_{'ab'[i % 2]}"}, "labels", {"model_a": "b", "model_b": "a"}),
        ({"label": None, "better": lambda i: "ab"[i % 2]}, "columns", {"label": "better"}),
        (
            {"label": None, "winner": "a", "choice": lambda i: "ab"[i % 2]},
            "columns",
            {"label": "choice"},
        ),
    ],
)
def test_an_open_question_is_written_to_be_filled_in(fields, key, answer, tmp_path):
    table = rows(80, split="", **fields)
    if fields.get("label", 0) is None:
        table = [{name: value for name, value in row.items() if name != "label"} for row in table]
    if "model_a" in answer:  # a model's letter says nothing beside numbered stories
        names = {"story_a": "response_1", "story_b": "response_2"}
        table = [{names.get(name, name): value for name, value in row.items()} for row in table]
    raw, said = made(tmp_path, jsonl(table))
    assert raw["data"][key] == raw["data"][key] | dict.fromkeys(answer, "?")
    assert "write what each '?'" in said
    assert "labelled" not in said
    with pytest.raises(parsing.ConfigError, match=rf"data\.{key}: {', '.join(answer)}: write .* in place of"):
        parsing.parse(raw)
    raw["data"][key] |= answer
    assert errors(raw, tmp_path) == []


def test_a_label_that_is_the_text_of_a_story_means_it(tmp_path):
    table = [{**row, "label": row[f"story_{row['label']}"]} for row in rows(80, split="")]
    raw, _ = made(tmp_path, jsonl(table))
    assert "labels" not in raw["data"]
    read = init.survey(parsing.parse(raw).data)
    assert read.labels == {"a": 40, "b": 40}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "error: no file of pairs is named: snakemake init --config preferences=FILE"),
        (
            ["--preferences=x", "--for=tpu"],
            "error: for=tpu: for is cpu, gpu or slurm: snakemake init --config",
        ),
    ],
)
def test_what_is_not_said_is_asked_for_in_the_words_that_are_typed(words, said, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["init.py", *words])
    with pytest.raises(SystemExit, match=said):
        init.main()

"""Chains from a file, in LitBench-Rationales' shape, as a teacher."""

import json

import pytest

import check_config
from rlcs.config import parsing
from rlcs.config.judging import ScoresConfig
from rlcs.config.untrained_judges import RecordedTeacherConfig
from rlcs.errors import InputError
from rlcs.judging.recorded import RecordedTeacher, read_chains
from rlcs.records import Comparison, Context
from rlcs.verdict import parse_scores
from smoke_run import SMOKE

ROWS = [
    {
        "prompt": "[WP] A wolf.",
        "story_a": "It bowed.",
        "story_b": "It ran.",
        "chosen_story": "B",
        "chosen_story_text": "It ran.",
        "rejected_story_text": "It bowed.",
        "rationale": "B moves.\nIt is quick.",
    },
    {
        "prompt": "x",
        "story_a": "One.",
        "story_b": "Two.",
        "chosen_story": "A",
        "rationale": "A counts first.",
    },
    {
        "prompt": "x",
        "story_a": "One.",
        "story_b": "Two.",
        "chosen_story": "B",
        "rationale": "A second opinion.",
    },
    {"prompt": "x", "story_a": "Three.", "story_b": "Four.", "chosen_story": "neither", "rationale": "?"},
]
CONTEXT = Context("c", "story", "", "", "A wolf.", (), "train")


def teacher(tmp_path, rows=ROWS, scores=(1, 9), **entry):
    file = tmp_path / "rationales.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    config = RecordedTeacherConfig(kind="generative", backend="file", chains=file, **entry)
    return RecordedTeacher("litbench", read_chains(file, config), ScoresConfig(low=scores[0], high=scores[1]))


def test_a_chain_is_found_by_its_stories_in_the_order_of_the_file(tmp_path, caplog):
    asked = [
        Comparison("p", CONTEXT, "it  BOWED.", "It ran.", "ab"),
        Comparison("p", CONTEXT, "It bowed.", "It ran.", "ba"),
        Comparison("q", CONTEXT, "Two.", "One.", "ba"),  # shown as One., Two.
        Comparison("r", CONTEXT, "Three.", "Four.", "ab"),
    ]
    found = teacher(tmp_path).judge(asked)
    assert [judgement.verdict for judgement in found] == ["b", "none", "b", "none"]
    assert found[0].raw == "B moves.\nIt is quick.\nScores: 3 7"
    assert (found[0].analysis, found[2].score_b) == ("B moves.\nIt is quick.", 7)
    assert (
        "1 rows left out: chosen_story is neither A, B nor the text of one of the two stories" in caplog.text
    )


@pytest.mark.parametrize("scores", [(0, 1), (1, 2), (1, 9), (0, 100)])
def test_scores_are_in_the_range_and_differ(scores, tmp_path):
    (said,) = teacher(tmp_path, scores=scores).judge([Comparison("p", CONTEXT, "One.", "Two.", "ab")])
    first, second = parse_scores(said.raw, *scores)
    assert scores[0] <= second < first <= scores[1]


def test_other_columns_and_files_without_chains(tmp_path):
    rows = [{"one": "A.", "two": "B.", "better": 1, "why": {"text": "Clear."}}]
    columns = {"story_a": "one", "story_b": "two", "label": "better", "analysis": "why.text"}
    (said,) = teacher(tmp_path, rows, columns=columns).judge([Comparison("p", CONTEXT, "A.", "B.", "ab")])
    assert said.verdict == "a"
    with pytest.raises(InputError, match=r"1 of 1 rows are no.*no text in story_a, story_b, rationale"):
        teacher(tmp_path, rows)
    with pytest.raises(InputError, match="no rows"):
        teacher(tmp_path, [])
    with pytest.raises(ValueError, match="columns"):
        RecordedTeacherConfig(kind="generative", backend="file", chains="x", columns={"prompt": "p"})


def chain(number, **changes):
    row = {"story_a": f"A {number}.", "story_b": f"B {number}.", "chosen_story": "B", "rationale": "So."}
    return row | changes


@pytest.mark.parametrize(
    ("label", "better"),
    [
        ("A", "a"),
        ("story b", "b"),
        ("Story_A", "a"),
        ("1", "a"),
        (2, "b"),
        (2.0, "b"),
        ("A  wolf BOWED.", "a"),
        ("It ran.", "b"),
    ],
)
def test_the_better_story_is_a_letter_a_number_or_its_text(label, better, tmp_path):
    row = {"story_a": "A wolf bowed.", "story_b": "It ran.", "chosen_story": label, "rationale": "So."}
    (said,) = teacher(tmp_path, [row]).judge([Comparison("p", CONTEXT, "A wolf bowed.", "It ran.", "ab")])
    assert said.verdict == better


def test_a_number_from_nought_is_refused_since_1_could_be_either(tmp_path):
    with pytest.raises(InputError, match=r"line 2: chosen_story is 0.*write A and B"):
        teacher(tmp_path, [chain(1, chosen_story=1), chain(2, chosen_story=0)])


def test_each_cause_is_counted_with_its_first_line_and_more_than_half_stops(tmp_path, caplog):
    good = [chain(number) for number in range(6)]
    bad = [
        chain(7, rationale=" "),
        chain(8, chosen_story="C"),
        chain(9, story_b=None),
        chain(10, chosen_story=""),
        chain(11, story_b="A 11.", chosen_story="A 11."),
        chain(12, chosen_story="neither"),
    ]
    teacher(tmp_path, good + bad)
    for said in (
        "1 rows left out: no text in rationale, first in line 7",
        "3 rows left out: chosen_story is neither A, B nor the text of one of the two stories, first in line "
        "8",
        "1 rows left out: no text in story_b, first in line 9",
        "1 rows left out: nothing in chosen_story, first in line 10",
    ):
        assert said in caplog.text
    with pytest.raises(InputError, match=r"6 of 11 rows are no chains.*first in line 6.*first in line 7"):
        teacher(tmp_path, good[:5] + bad)


def test_no_chain_for_any_pair_is_a_warning(tmp_path, caplog):
    teacher(tmp_path).judge([Comparison("p", CONTEXT, "Other.", "Stories.", "ab")])
    assert [(one.levelname, one.getMessage()) for one in caplog.records if "0 of 1" in one.getMessage()] == [
        ("WARNING", "0 of 1 comparisons have a chain in the file, in their order")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["judges"]["genrm-sft"].update(teacher="file"), "set chains: unfiltered"),
        (lambda raw: raw["tables"]["alignment"]["rows"].append("file"), "tables.alignment.rows: 'file' has"),
        (
            lambda raw: raw["consensus"]["panel"]["teachers"].append("file"),
            "consensus.panel.teachers: 'file' has",
        ),
        (
            lambda raw: raw["policies"]["rlcs"]["reward"].update(judge="file"),
            "policies.rlcs.reward: 'file' has",
        ),
    ],
)
def test_it_can_teach_and_do_nothing_else(change, message):
    raw = json.loads(json.dumps(SMOKE))
    raw["judges"]["file"] = {"kind": "generative", "backend": "file", "chains": "rationales.jsonl"}
    raw["judges"]["learner"] = raw["judges"]["genrm-sft"] | {"teacher": "file", "chains": "unfiltered"}
    raw["judges"]["learner"]["label_sources"] = ["human"]
    parsing.parse(raw)
    change(raw)
    with pytest.raises(parsing.ConfigError, match=message):
        parsing.parse(raw)


def test_check_reads_the_chains_before_the_first_job(tmp_path):
    raw = json.loads(json.dumps(SMOKE))
    file = tmp_path / "rationales.jsonl"
    raw["judges"]["file"] = {"kind": "generative", "backend": "file", "chains": str(file)}
    for rows, level in (
        ([chain(1)], "ok"),
        ([chain(1), chain(2, rationale=""), chain(3, rationale="")], "error"),
    ):
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        (found,) = check_config.chain_findings(parsing.parse(raw))
        assert (found.level, found.subject) == (level, "judges.file.chains")

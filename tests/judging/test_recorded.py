"""Chains from a file, in LitBench-Rationales' shape, as a teacher."""

import json

import pytest

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
    assert "1 rows left out: no two stories, analysis and label A or B" in caplog.text


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
    with pytest.raises(InputError, match="no row is a chain, with the columns story_a, story_b"):
        teacher(tmp_path, rows)
    with pytest.raises(ValueError, match="columns"):
        RecordedTeacherConfig(kind="generative", backend="file", chains="x", columns={"prompt": "p"})


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

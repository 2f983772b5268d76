"""Prompts of benchmarks as contexts: small files in exactly their shapes, by the config of the docs."""

import json
import re
from types import SimpleNamespace

import pytest
import yaml

import ingest
from paths import ROOT
from rlcs.config.data import DataConfig
from rlcs.data.formats import context_shares_of
from rlcs.data.validation import validate_contexts

SETS = {
    "benchmark_all.jsonl": [
        {"index": 1, "query": "Write of a wolf.", "checklist": [{"name": "wolf", "1-2": "no wolf"}]},
        {"index": 2, "query": "Write of a mill.", "checklist": []},
    ],
    "question.jsonl": [
        {"uid": "a1", "category": "creative_writing", "subcategory": "story", "prompt": "Write of a wolf."},
        {"uid": "a2", "category": "creative_writing", "subcategory": "poem", "prompt": "Write of a mill."},
    ],
    "heuristic_text_generation.jsonl": [
        {
            "id": f"h{n}",
            "category": "story",
            "instruction": f"Write of {what}.",
            "checklists": ["Is it long?"],
            "formatted_checklists": "1. Is it long?",
            "num_checklist": 1,
            "raw_text": "",
            "requirements": ["long"],
        }
        for n, what in enumerate(["a wolf", "a mill"])
    ],
    "creative_writing_prompts_v3.json": {
        "2": {
            "category": "fiction",
            "title": "Wolf",
            "writing_prompt": "Write of a wolf.",
            "seed_modifiers": ["x"],
        },
        "3": {
            "category": "fiction",
            "title": "Mill",
            "writing_prompt": "Write of a mill.",
            "seed_modifiers": ["y"],
        },
    },
}


def documented():
    """The config of each file in docs/benchmarks.md."""
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    block = text[text.index("## Prompts of benchmarks") :]
    found = {}
    for name, columns in re.findall(r"^\| `([\w.]+)` \| `(\{.*?\})` \|", block, re.M):
        found[name] = yaml.safe_load(columns)
    return found


def test_each_set_of_prompts_is_documented():
    assert documented().keys() == SETS.keys()


@pytest.mark.parametrize("name", SETS)
def test_prompts_become_held_out_contexts(name, tmp_path):
    rows = SETS[name]
    text = (
        "\n".join(json.dumps(row) for row in rows) if isinstance(rows, list) else json.dumps(rows, indent=2)
    )
    (tmp_path / name).write_text(text, encoding="utf-8")
    data = DataConfig(contexts=[tmp_path / name], context_columns=documented()[name], context_split="test")
    stage = SimpleNamespace(inputs={"contexts": [tmp_path / name]})
    contexts, quarantine = validate_contexts(
        ingest.read_context_rows(stage, data), [], context_shares_of(data), 0
    )
    assert quarantine == []
    assert [context.outline for context in contexts] == ["Write of a wolf.", "Write of a mill."]
    assert {context.split for context in contexts} == {"test"}
    assert len({context.context_id for context in contexts}) == 2


@pytest.mark.parametrize("values", [{"1": 2}, {"one": {}}, {"1": {}, "two": {}}])
def test_other_objects_are_rows_themselves(values, tmp_path):
    from rlcs.data.json_documents import read_document

    assert [row for _, _, row in read_document(json.dumps(values))] == [values]

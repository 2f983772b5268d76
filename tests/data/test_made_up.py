"""Rows that are made up in a data set's own columns are read like rows of its own."""

import json
from random import Random

import pytest

from rlcs.config.data import DataConfig
from rlcs.data.files import read_file
from rlcs.data.formats import fields_of, validated_pairs
from rlcs.data.made_up import made_up_rows


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"columns": {"story_a": "first", "prompt": "task"}},
        {"preset": "litbench"},
        {"preset": "hanna"},
        {"format": "ratings", "ratings": {"criteria": ["taste"]}, "columns": {"story": "Text"}},
        {"format": "ratings", "ratings": {"raters": ["ann", "bo"]}},
    ],
)
def test_every_format_has_pairs_with_labels(section, tmp_path):
    data = DataConfig.model_validate(section)
    rows = made_up_rows(data, 60, Random(0))
    assert rows == made_up_rows(data, 60, Random(0))
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    usable = validated_pairs(list(read_file(file, data.columns, fields_of(data))), data)
    assert usable.quarantine == []
    assert len(usable.pairs) >= 20
    assert {pair["label"] for pair in usable.pairs} >= {"a", "b"}

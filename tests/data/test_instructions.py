"""Prompts with instructions from a data set on a hub; a folder has the same layout."""

import json

import pytest

from paths import SUPPORT
from rlcs.config.sources import HubDatasetConfig
from rlcs.constraints.ifeval import read_prompts
from rlcs.data.instructions import write_hub_prompts
from rlcs.errors import InputError

FILE = SUPPORT / "data" / "ifeval.jsonl"


def test_prompts_of_a_hub_are_those_of_the_file(tmp_path):
    (tmp_path / "hub").mkdir()
    known = [json.loads(line) for line in FILE.read_text().splitlines()]
    for prompt in known:  # a data set has one type in a column
        prompt["key"] = int(prompt["key"])
    (tmp_path / "hub" / "train.jsonl").write_text("\n".join(json.dumps(prompt) for prompt in known))
    (tmp_path / "out").mkdir()
    assert write_hub_prompts(HubDatasetConfig(name=str(tmp_path / "hub")), tmp_path / "out") == len(known)
    assert read_prompts(tmp_path / "out" / "input_data.jsonl") == read_prompts(FILE)


def test_a_data_set_of_something_else_is_refused_with_its_columns(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"prompt": "x", "answer": "y"}\n')
    with pytest.raises(InputError, match=r"has the columns prompt, answer, and not key, instruction_id_list"):
        write_hub_prompts(HubDatasetConfig(name=str(tmp_path)), tmp_path)

"""The examples of docs/data.md are taken at their word."""

import csv
import io
import json
import re

import pytest
import yaml

from paths import ROOT
from rlcs.config.data import ConsensusConfig, DataConfig
from rlcs.config.trained_judges import GenrmGRPOConfig
from rlcs.data.formats import fields_of, validated_pairs
from rlcs.data.rows import RawRow

TEXT = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^\*\*(.+?)\*\*(.*?)(?=^\*\*|^## )", TEXT, re.M | re.S))


def block(section, language):
    found = re.search(rf"```{language}\n(.*?)```", SECTIONS[section], re.S)
    return found[1] if found else ""


def result_of(section):
    data = DataConfig.model_validate((yaml.safe_load(block(section, "yaml")) or {"data": {}})["data"])
    rows = [json.loads(line) for line in block(section, "json").splitlines()]
    rows += list(csv.DictReader(io.StringIO(block(section, "csv"))))
    names = {field: data.columns.get(field, field) for field in fields_of(data)}
    raws = [
        RawRow("docs", n, str(row), {field: row[name] for field, name in names.items() if name in row})
        for n, row in enumerate(rows, start=1)
    ]
    return validated_pairs(raws, data)


@pytest.mark.parametrize(
    ("section", "labelled", "votes", "unlabelled"),
    [
        ("Votes in one row", 1, 4, 0),
        ("Pairs", 1, 1, 1),
        ("Several annotators", 1, 2, 0),
        ("A chosen and a rejected story.", 1, 1, 0),
        ("The best of several stories.", 2, 2, 0),
        ("Ratings of single stories", 1, 1, 0),
    ],
)
def test_every_shape_gives_what_its_section_says(section, labelled, votes, unlabelled):
    result = result_of(section)
    assert result.quarantine == []
    assert (len(result.pairs), len(result.annotations), len(result.unlabelled)) == (
        labelled,
        votes,
        unlabelled,
    )


def test_votes_in_either_order_are_votes_on_one_pair():
    result = result_of("Several annotators")
    assert [vote["label"] for vote in result.annotations] == ["a", "b"]
    assert result.pairs[0]["label"] == "tie"


def test_the_other_blocks_are_valid_config():
    hub = yaml.safe_load(block("A data set on a model hub", "yaml"))["data"]
    assert DataConfig.model_validate(hub).format == "chosen_rejected"
    config = yaml.safe_load(re.search(r"```yaml\n(consensus:.*?)```", TEXT, re.S)[1])
    panel = ConsensusConfig.model_validate(config["consensus"]["panel"])
    judge = GenrmGRPOConfig.model_validate(config["judges"]["genrm"])
    assert len(panel.teachers) == panel.agree == 2
    assert judge.label_sources == ["human", "panel"]

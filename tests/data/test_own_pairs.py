"""What a person with pairs of their own brings: votes, contexts without pairs, and a file in one word."""

import json
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from paths import ROOT
from rlcs.config import parsing
from rlcs.config.data import DataConfig
from rlcs.data.files import read_file
from rlcs.data.formats import parse_pairs, shares_of
from rlcs.data.reasons import advice, check_share
from rlcs.data.rows import ContextRow, RawRow
from rlcs.data.validation import validate, validate_contexts
from rlcs.errors import InputError

SHARES = shares_of(DataConfig())
PAIR = {"prompt": "A wolf.", "story_a": "It ran.", "story_b": "It slept."}


def raw(**values):
    return RawRow("f.jsonl", 1, json.dumps(values, default=str), values)


def one(**values):
    return validate(parse_pairs([raw(**PAIR | values)]), SHARES, 0)


@pytest.mark.parametrize(
    ("votes", "labels"),
    [
        (["a", "a", "b"], ["a", "a", "b"]),
        ({"a": 2, "b": 1}, ["a", "a", "b"]),
        ({"a": 0, "tie": 1, "b": None}, ["tie"]),
        ('{"b": 2}', ["b", "b"]),
        ('["a", "tie"]', ["a", "tie"]),
    ],
)
def test_votes_are_annotations(votes, labels):
    found = one(votes=votes)
    assert [vote["label"] for vote in found.annotations] == labels
    assert len(found.pairs) == 1
    assert found.unlabelled == found.quarantine == []


def test_the_majority_of_votes_labels_a_pair_that_states_none():
    (pair,) = one(votes={"a": 1, "b": 3}).pairs
    assert (pair["label"], pair["soft_label"]) == ("b", 0.25)
    (pair,) = one(votes={"a": 1, "b": 3}, label="tie").pairs
    assert (pair["label"], pair["soft_label"]) == ("tie", 0.25)


def test_a_bare_number_of_votes_says_nothing_about_who_won():
    found = one(votes=7, label="b")
    assert [vote["label"] for vote in found.annotations] == ["b"]
    assert one(votes=7).pairs == []


@pytest.mark.parametrize(
    "votes", [["c"], {"c": 1}, "often", {"a": "two"}, True, [["a"]], {"a": -1}, {"a": 2**40}, {"c": 2**60}]
)
def test_votes_that_cannot_be_read(votes):
    (bad,) = one(votes=votes).quarantine
    assert bad["reason"] == "bad votes"


def test_contexts_without_pairs_follow_those_with():
    known = one(label="a").contexts
    rows = [
        raw(prompt="A wolf."),
        raw(prompt="A fox.", domain="poem", split="test"),
        raw(prompt="A fox."),
        raw(domain="poem"),
        raw(prompt="A hen.", constraints=[{"kind": "max_words", "parameters": {"n": 9}}]),
    ]
    contexts, bad = validate_contexts(rows, known, SHARES, 0)
    assert [(c.outline, c.domain) for c in contexts] == [("A fox.", "poem"), ("A hen.", "story")]
    assert contexts[0].split == "test"
    assert contexts[1].constraints[0].kind == "max_words"
    assert [row["reason"] for row in bad] == ["duplicate", "duplicate", "no context"]


def test_the_premises_that_are_shipped_can_all_be_used():
    rows = list(read_file(ROOT / "config" / "premises.jsonl", None, list(ContextRow.model_fields)))
    contexts, bad = validate_contexts(rows, [], SHARES, 0)
    assert bad == []
    assert len(contexts) >= 200
    assert {context.domain for context in contexts} == {"story", "poem", "screenplay"}
    assert all(context.outline and context.constraints for context in contexts)
    assert {context.split for context in contexts} == {"train", "validation", "test"}


def test_the_smoke_run_fits_the_run_that_it_shortens():
    folder = ROOT / "config"
    merged = yaml.safe_load((folder / "smollm.yaml").read_text(encoding="utf-8"))
    update_config(merged, yaml.safe_load((folder / "smollm" / "smoke.yaml").read_text(encoding="utf-8")))
    parsed = parsing.parse({**merged, "preferences": "mine.jsonl"})
    assert parsed.run == "smollm-smoke"
    assert not parsed.synthetic
    assert parsed.judges["bt"].ways == ["probe", "lora"]


@pytest.mark.parametrize("given", ["mine.jsonl", ["mine.jsonl"]])
def test_preferences_is_short_for_data_preferences(given):
    said = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8"))
    said["data"] = {"splits": {"train": 0.5, "validation": 0.0, "test": 0.5}}
    parsed = parsing.parse({**said, "preferences": given})
    assert parsed.data.preferences == [Path("mine.jsonl")]
    assert parsed.data.splits.test == 0.5


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("unknown label", "A label is one of a, b, tie"),
        ("missing story_a", "data.columns names a column of another name"),
        ("bad votes", 'Votes are counts such as {"a": 3, "b": 1}'),
        ("story of more than 400 words", "data.story_length says how long a story may be"),
    ],
)
def test_the_message_says_what_to_do(reason, hint):
    row = {"reason": reason, "file": "f.csv", "line": 7, "found": "label: 'x'", "advice": advice(reason)}
    with pytest.raises(InputError, match="cannot be used") as raised:
        check_share(10, [row] * 5, 0.1, "q.parquet")
    assert f"5 x {reason}, as in f.csv line 7 (label: 'x')" in str(raised.value)
    assert hint in str(raised.value)

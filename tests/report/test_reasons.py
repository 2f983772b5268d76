"""Why a stage runs again, by name."""

import json
from types import SimpleNamespace

import pytest

from rlcs.report.reasons import config_changes, describe_reason, join_changes, param_changes


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ["a.c: 2 → 3"]),
        ({"a": 1}, {"a": 1, "b": "x"}, ['b is new: "x"']),
        ({"a": 1}, {}, ["a is gone"]),
        ({"a": {"b": 1}}, {"a": None}, ['a: {"b": 1} → null']),
        ({"a": 1}, {"a": 1}, []),
    ],
)
def test_changed_keys_are_named_with_both_values(before, now, said):
    assert list(config_changes(before, now)) == said


def test_a_long_value_is_cut():
    (said,) = config_changes({"a": "x" * 500}, {"a": 1})
    assert len(said) < 60


def test_params_are_told_as_keys_and_as_code():
    sections = [repr(json.dumps({"max_steps": steps})) for steps in (60, 80)]
    assert param_changes(sections[:1], sections[1:], "train.py") == ["max_steps: 60 → 80"]
    assert param_changes({repr("0123456789abcdef")}, {repr("fedcba9876543210")}, "train.py") == [
        "the code of train.py, or of what it imports"
    ]


def test_only_the_first_changes_are_named():
    assert join_changes(["a", "b", "c", "d", "e"]) == "a; b; c, and 2 more"


def reason(**changes):
    values = {"params_changed": None, "input_changed": False, "updated_input": set(), "code_changed": False}
    values |= {
        "updated_input_run": set(),
        "forced": False,
        "incomplete_output": set(),
        "missing_output": set(),
    }
    return SimpleNamespace(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"missing_output": {"x"}}, ("not made yet", False)),
        ({"incomplete_output": {"x"}}, ("a killed run left it unfinished", True)),
        ({"updated_input": {"pairs.jsonl"}}, ("pairs.jsonl has changed", True)),
        (
            {"updated_input_run": {"results/x/judges/bt/seed1/manifest.json"}},
            ("made anew before it: results/x/judges/bt/seed1", False),
        ),
        ({"forced": True}, ("it is forced", True)),
        ({"input_changed": True}, ("new input b; a is no input any more", True)),
        (
            {"params_changed": SimpleNamespace(only_old={"'{\"a\": 1}'"}, only_new={"'{\"a\": 2}'"})},
            ("a: 1 → 2", True),
        ),
    ],
)
def test_each_reason_is_told_by_name(changes, said):
    rule = SimpleNamespace(
        name="train", shellcmd="python workflow_scripts/train.py --config {params.config:q}"
    )
    job = SimpleNamespace(rule=rule, output=["out"], input=["b"])
    persistence = SimpleNamespace(input=lambda path: ["a"])
    assert describe_reason(job, reason(**changes), persistence) == said

"""How ``make bench`` compares with the stored run; the bench itself is not run by the tests."""

import json

import pytest

from bench_report import change, compared, markdown
from paths import ROOT

STORED = json.loads((ROOT / "docs" / "results" / "bench" / "bench.json").read_text(encoding="utf-8"))


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line]


def test_the_stored_run_does_not_differ_from_itself():
    text = markdown(STORED["figures"], STORED["figures"])
    values = [row for row in rows(text) if row[-1] not in ("change",) and not row[0].startswith("---")]
    assert len(values) == sum(map(len, STORED["figures"].values()))
    assert {row[-1] for row in values} == {"+0%"}
    said = compared(STORED, STORED)
    assert STORED["commit"] in said
    assert "Other" not in said
    assert "Another machine" not in said


@pytest.mark.parametrize(
    ("name", "value", "before", "said"),
    [
        ("policy step", 1.3, 1.0, "+30% !"),
        ("policy step", 1.1, 1.0, "+10%"),
        ("policy step", 0.5, 1.0, "-50%"),
        ("judging", 0.7, 1.0, "-30% !"),  # fewer pairs a second are slower
        ("judging", 2.0, 1.0, "+100%"),
        ("judging", 2.0, None, "–"),
    ],
)
def test_only_what_is_slower_is_marked(name, value, before, said):
    assert change(name, value, before) == said


def test_what_the_stored_run_lacks_is_a_dash_and_ratios_are_to_the_first():
    figures = {"judging": {"in batches": 100.0, "one by one": 10.0}}
    assert rows(markdown(figures, {}))[2:] == [
        ["in batches", "100.00", "1.00", "–", "–"],
        ["one by one", "10.00", "0.10", "–", "–"],
    ]


def test_another_machine_and_other_versions_are_named():
    now = STORED | {"machine": "another", "versions": STORED["versions"] | {"trl": "2.0", "vllm": "1.0"}}
    said = compared(now, STORED)
    assert "Another machine: another" in said
    assert f"trl {STORED['versions']['trl']} -> 2.0" in said
    assert "vllm – -> 1.0" in said
    assert compared(now, {}) == "No stored run to compare with."

"""Two runs side by side: what differs, with which interval, what one lacks, and what is refused."""

import json
import math
import re
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import compare_runs
from configs import merged
from rlcs.data.artifacts import JUDGEMENTS_FILE, MATCHES_FILE
from rlcs.data.preferences import write_preferences
from rlcs.errors import InputError
from rlcs.evaluation.run_differences import independent_difference
from rlcs.evaluation.statistics import Estimate
from rlcs.records import Context, Judgement
from rlcs.report.comparison import compare_tables, config_rows, dotted, find_run, find_two, to_csv
from rlcs.report.formatting import write_table

CONTEXTS = [f"c{n}" for n in range(8)]
NAN = math.nan


def rate(value, width=0.1, n=8):
    return Estimate(value, value - width, value + width, n)


def record(folder, name, seed=0, seconds=60.0, **config):
    """What beside an artifact's files says what made it."""
    (folder / "manifest.json").write_text("{}")
    (folder / "provenance.json").write_text(json.dumps({"config": {"name": name, **config}, "seed": seed}))
    run = {"seconds": seconds, "gpus": ["H100", "H100"], "cpu_seconds": 1.0, "commit": None}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def artifact(results, name):
    folder = results / name
    folder.mkdir(parents=True)
    return folder


def make_run(root, name, *, right, wins=6, contexts=CONTEXTS, change=lambda raw: None, rows=None):
    """A run whose judge j is right on the first pairs, and whose policy p wins the first matches."""
    results = root / "results" / name
    known = [Context(c, "story", "", "", f"outline {c}", (), "test") for c in contexts]
    pairs = [
        {
            "pair_id": f"p-{c}",
            "context_id": c,
            "story_a": f"a {c}",
            "story_b": "b",
            "label": "a",
            "source": "human",
        }
        for c in contexts
    ]
    write_preferences(record(artifact(results, "preferences"), "data"), known, pairs, [], [])
    said = [
        Judgement(f"p-{c}", order, "j", "a" if n < right else "b")
        for n, c in enumerate(contexts)
        for order in ("ab", "ba")
    ]
    JUDGEMENTS_FILE.write(record(artifact(results, "alignment/j/seed0"), "j"), said)
    matches = [
        {"match_id": f"m{c}", "context_id": c, "policy_a": "p", "policy_b": "sft", "sample": 0}
        for c in contexts
    ]
    played = [
        Judgement(f"m{c}", order, "j", "a" if n < wins else "b")
        for n, c in enumerate(contexts)
        for order in ("ab", "ba")
    ]
    folder = record(artifact(results, "matches/j/seed0"), "j")
    MATCHES_FILE.write(folder, matches)
    JUDGEMENTS_FILE.write(folder, played)
    alignment = [
        {"system": "j", "accuracy": rate(right / 8), "difference": None, "paper": 70.0, "p_value": 0.1}
    ]
    tables = {
        "alignment": pd.DataFrame(alignment + (rows or []), dtype=object),
        "win_rates": pd.DataFrame(
            [{"policy": "p", "judge": "j", "reference": "sft", "win_rate": rate(wins / 8), "words": 20.0}],
            dtype=object,
        ),
    }
    for table, frame in tables.items():
        made = record(artifact(results, f"tables/{table}"), table, probability="hard")
        write_table(frame, made, table, "caption", synthetic=False)
    raw = merged(["smoke.yaml"])
    change(raw)
    artifact(results, "logs")
    (results / "logs" / "config.json").write_text(json.dumps(raw))
    answers = artifact(results, "answers/gemini")
    (answers / "1.jsonl").write_text('{"cost": 0.25}\n{"cost": 0.5}\n{"torn')
    return results


@pytest.fixture
def root(tmp_path):
    make_run(tmp_path, "one", right=4, rows=[{"system": "old", "accuracy": rate(0.5), "paper": None}])
    make_run(tmp_path, "two", right=7, wins=7, change=lambda raw: raw["world"].update(seed=99))
    published = tmp_path / "docs" / "results" / "one"
    published.mkdir(parents=True)
    table = pd.DataFrame([{"system": "j", "accuracy": rate(0.5)}], dtype=object)
    write_table(table, published, "alignment", "caption", synthetic=False)
    (published / "provenance.json").write_text(json.dumps({"artifacts": {"a": {"seconds": 3600}}}))
    return tmp_path


def cell(compared, table, column):
    (row,) = compared[(compared["table"] == table) & (compared["column"] == column)].to_dict("records")
    return row


def test_runs_that_judged_the_same_pairs_are_paired(root):
    compared = compare_tables(*find_two("one,two", root))
    accuracy = cell(compared, "alignment", "accuracy")
    assert accuracy["how"] == "paired, 8 in both"
    assert accuracy["difference"].value == pytest.approx(3 / 8)
    independent = independent_difference(accuracy["a"], accuracy["b"])
    assert (accuracy["difference"].low, accuracy["difference"].high) != (independent.low, independent.high)
    win_rate = cell(compared, "win_rates", "win_rate")
    assert (win_rate["row"], win_rate["how"]) == ("p · j · sft", "paired, 8 in both")
    assert win_rate["difference"].value == pytest.approx(1 / 8)
    words = cell(compared, "win_rates", "words")
    assert (words["difference"].value, words["how"]) == (0.0, "no interval")
    assert not {"paper", "p_value", "difference"} & set(compared["column"].dropna())


def test_pairs_of_another_content_are_not_paired_by_their_ids(root):
    make_run(root, "other", right=7, contexts=[f"d{n}" for n in range(8)])
    compared = compare_tables(*find_two("one,other", root))
    assert cell(compared, "alignment", "accuracy")["how"] == "independent"
    assert cell(compared, "win_rates", "win_rate")["how"] == "independent"


def test_only_the_common_pairs_count(root):
    make_run(root, "half", right=4, contexts=[*CONTEXTS[:4], *(f"d{n}" for n in range(4))])
    accuracy = cell(compare_tables(*find_two("half,two", root)), "alignment", "accuracy")
    assert accuracy["how"] == "paired, 4 in both"
    assert accuracy["difference"].value == 0


def test_published_tables_are_compared_as_independent(root):
    accuracy = cell(compare_tables(*find_two("docs/results/one,two", root)), "alignment", "accuracy")
    assert accuracy["how"] == "independent"
    expected = math.hypot(0.1, 0.1)
    assert accuracy["difference"].high - accuracy["difference"].value == pytest.approx(expected)


@pytest.fixture
def printed(root, monkeypatch, capsys):
    """The page that the script prints of two runs."""

    def of(runs):
        monkeypatch.chdir(root)
        monkeypatch.setattr(sys, "argv", ["compare_runs.py", runs])
        compare_runs.main()
        return capsys.readouterr().out

    return of


def test_what_one_side_lacks_is_listed(root, printed):
    page = printed("one,two")
    assert "Only in `one`: old." in page
    assert "| world.seed" in page
    assert re.search(r"\| 99 +\|", page)
    assert "| time of all stages " in page
    assert "0.75" in page  # money of the endpoint
    written = root / "results" / "compare" / "one-vs-two"
    assert (written / "comparison.md").read_text() in page
    frame = pd.read_csv(written / "comparison.csv")
    assert set(frame["only"].dropna()) == {"one"}
    assert frame.loc[frame["column"] == "accuracy", "difference"].item() == pytest.approx(3 / 8)


def test_a_table_that_one_side_lacks_is_listed_with_its_rows(root):
    compared = compare_tables(*find_two("docs/results/one,two", root))
    alone = compared[compared["only"].notna()]
    assert list(alone["table"]) == ["win_rates"]
    assert list(to_csv(compared).columns[:3]) == ["table", "row", "column"]


def test_an_unknown_config_and_cost_are_said_to_be_unknown(printed):
    page = printed("docs/results/one,two")
    assert "The config of docs/results/one is not known" in page
    assert "1 h 00 min" in page
    assert "unknown" in page


def test_costs_are_those_of_the_artifacts(root):
    cost = find_run("one", root).cost()
    assert cost == {"seconds": 300.0, "gpu_hours": pytest.approx(300 * 2 / 3600), "money": 0.75}


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ("one", "compare needs two runs and has 1: snakemake compare --config runs=A,B"),
        ("", "compare needs two runs"),
        ("one,nowhere", "no such run: 'nowhere'; there are one, two, docs/results/one"),
        ("one,", "no such run: ''"),
        ("one,results/one", "one and results/one are the same run"),
        ("one,results", "results: .* has no tables"),
    ],
)
def test_bad_input_is_one_line(root, monkeypatch, runs, message):
    with pytest.raises(InputError, match=message):
        find_two(runs, root)
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["compare_runs.py", *filter(None, [runs])])
    with pytest.raises(SystemExit) as refused:
        compare_runs.main()
    assert str(refused.value).startswith("error: ")
    assert "\n" not in str(refused.value)


def test_configs_differ_by_dotted_keys_and_absent_ones_are_said():
    a, b = {"x": {"y": 1, "z": [1]}, "same": 2}, {"x": {"y": 2, "z": [1], "new": None}, "same": 2}
    rows = config_rows(dict(dotted(a)), dict(dotted(b))).to_dict("records")
    assert rows == [{"key": "x.y", "a": "1", "b": "2"}, {"key": "x.new", "a": "absent", "b": "null"}]


BOUNDS = st.floats(-1, 1, allow_nan=False)
WIDTHS = st.floats(0, 1, allow_nan=False)
ESTIMATES = st.builds(lambda v, low, high: Estimate(v, v - low, v + high, 9), BOUNDS, WIDTHS, WIDTHS)


@given(ESTIMATES, ESTIMATES)
def test_an_independent_difference_is_antisymmetric_and_no_narrower_than_either(x, y):
    there, back = independent_difference(x, y), independent_difference(y, x)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert there.low <= there.value <= there.high
    assert there.high - there.low >= max(x.high - x.low, y.high - y.low) - 1e-9


def test_an_estimate_without_an_interval_gives_none():
    difference = independent_difference(Estimate(0.5, NAN, NAN, 1), rate(0.7))
    assert difference.value == pytest.approx(0.2)
    assert math.isnan(difference.low)
    assert math.isnan(difference.high)

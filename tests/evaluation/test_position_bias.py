"""Position bias and calibration, on judgements that are known by heart."""

import pytest

from rlcs.evaluation.calibration import calibration_table
from rlcs.evaluation.position_bias import position_bias_table
from rlcs.records import Judgement
from rlcs.report.formatting import read_table, write_table

PAIRS = [
    {"pair_id": f"p{n}", "context_id": f"c{n // 2}", "label": label}
    for n, label in enumerate(["a", "b"] * 20)
]


def judged(verdict_of, p_of=lambda pair, order: None):
    return [
        Judgement(pair["pair_id"], order, "j", verdict_of(pair, order), p_a=p_of(pair, order))
        for pair in PAIRS
        for order in ("ab", "ba")
    ]


def always_first(pair, order):
    return "a" if order == "ab" else "b"


def right(pair, order):
    return pair["label"]


def test_a_judge_that_always_says_the_first_and_one_that_is_always_right():
    table = position_bias_table(
        {"first": {1: judged(always_first)}, "right": {1: judged(right)}}, PAIRS, seed=0
    )
    numbers = {
        row["system"]: [row[name].value for name in table.columns[1:]] for row in table.to_dict("records")
    }
    # flips, first share, accuracy where the preferred story is first and where it is second, their difference
    assert numbers == {"first": [1, 1, 1, 0, 1], "right": [0, 0.5, 1, 1, 0]}
    assert table["flip_rate"][0].n == 40
    assert table["first_share"][0].n == 80
    assert table["preferred_first"][0].n == 40


def test_position_bias_is_taken_over_all_seeds():
    table = position_bias_table({"j": {1: judged(always_first), 2: judged(right)}}, PAIRS, seed=0)
    assert table["flip_rate"][0].value == 0.5
    assert table["flip_rate"][0].low == 0  # two seeds, one of them drawn twice
    assert table["flip_rate"][0].high == 1


def test_calibration_by_bins(tmp_path):
    def p(pair, order):
        return 0.85 if pair["label"] == "a" else 1.0 if order == "ab" else 0.7

    table = calibration_table({"silent": {1: judged(right)}, "sure": {1: judged(right, p)}}, PAIRS, seed=0)
    (row,) = table.to_dict("records")
    assert (row["system"], row["p_range"], row["pairs"]) == ("sure", "0.8 to 0.9", 40)
    assert row["mean_p"] == pytest.approx(0.85)
    assert row["label_a"].value == 0.5


def test_a_table_without_rows_can_be_written_and_read(tmp_path):
    table = calibration_table({"silent": {1: judged(right)}}, PAIRS, seed=0)
    assert len(table) == 0
    write_table(table, tmp_path, "calibration", "Calibration", synthetic=False)
    assert list(read_table(tmp_path / "calibration.csv").columns) == list(table.columns)

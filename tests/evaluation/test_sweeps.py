"""Sweeps: the numbers of a table, arranged by a key of its entries."""

import pandas as pd
import pytest

from rlcs.errors import InputError
from rlcs.evaluation.statistics import Estimate
from rlcs.evaluation.sweeps import sweep_table

HALF, MOST = Estimate(0.5, 0.4, 0.6, 9), Estimate(0.9, 0.8, 1.0, 9)
ALIGNMENT = pd.DataFrame(
    [("bt", HALF, MOST), ("mute", HALF, None), ("people", MOST, None)],
    columns=["system", "accuracy", "accuracy_both_orders"],
    dtype=object,
)


def test_a_row_per_point_and_per_line():
    found = sweep_table(ALIGNMENT, [("BT", "bt", 100)], ["people"], x="human_labels", metric="accuracy")
    assert found.to_dict("records") == [
        {"series": "BT", "system": "bt", "human_labels": 100, "accuracy": HALF},
        {"series": None, "system": "people", "human_labels": None, "accuracy": MOST},
    ]


def test_a_line_without_p_has_its_accuracy_and_a_point_without_p_has_none():
    points = [("BT", "bt", 1), ("mute", "mute", 1)]
    found = sweep_table(ALIGNMENT, points, ["bt", "people"], x="x", metric="accuracy_both_orders")
    assert list(found["accuracy_both_orders"]) == [MOST, None, MOST, MOST]


def test_a_row_that_the_table_lacks_is_named():
    with pytest.raises(InputError, match="names 'oracle', but its table has the rows bt, mute, people"):
        sweep_table(ALIGNMENT, [("BT", "bt", 1)], ["oracle"], x="x", metric="accuracy")


def test_win_rates_are_those_of_one_judge():
    frame = pd.DataFrame(
        [
            {"policy": policy, "judge": judge, "win_rate": won}
            for policy, rates in (("sft", (None, None)), ("rlcs", (MOST, HALF)))
            for judge, won in zip(("oracle", "bt"), rates, strict=True)
        ],
        dtype=object,
    )
    for judge, expected in (("oracle", MOST), ("bt", HALF)):
        found = sweep_table(frame, [("p", "rlcs", 1)], ["sft"], x="strength", metric="win_rate", judge=judge)
        assert list(found["win_rate"]) == [expected, None]

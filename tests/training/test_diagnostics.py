"""How near a training came to the watch's limits: the same values and steps as its flags."""

import pandas as pd
import pytest

from rlcs.config.policies import WatchConfig
from rlcs.training.diagnostics import diagnostics_table, log_history
from rlcs.training.watch import flags, measure_signs

WATCH = WatchConfig(window=2, entropy_crash=0.5, variance_spike=3.0, hacking=0.1)


def history(**metrics):
    rows = [
        {"step": step, "metric": metric, "value": float(value)}
        for metric, values in metrics.items()
        for step, value in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows)


def test_a_history_is_the_trainers_log_again():
    assert log_history(history(kl=[1, 2], entropy=[3])) == [
        {"step": 1, "kl": 1.0, "entropy": 3.0},
        {"step": 2, "kl": 2.0},
    ]


@pytest.mark.parametrize(
    ("metrics", "rule", "value"),
    [
        ({"entropy": [2, 2, 1, 1, 2, 2]}, "entropy_crash", 0.5),  # it came back, the worst counts
        ({"completions/mean_length": [10, 10, 10, 13]}, "length_drift", 0.15),
        ({"reward_std": [1, 1, 4, 1]}, "variance_spike", 4.0),
        (
            {"eval_win_rate/independent": [0.6, 0.8, 0.5], "eval_win_rate/reward": [0.6, 0.8, 0.9]},
            "hacking",
            0.3,
        ),
    ],
)
def test_the_largest_value_counts_and_agrees_with_the_flags(metrics, rule, value):
    log = log_history(history(**metrics))
    assert {sign.rule: sign.value for sign in measure_signs(log, WATCH)}[rule] == pytest.approx(value)
    flagged = {flag.rule for flag in flags(log, WATCH)}
    assert (rule in flagged) == (value > getattr(WATCH, rule))


def test_what_was_logged_too_seldom_has_no_row():
    assert measure_signs(log_history(history(entropy=[2, 1, 1], reward_std=[1, 9])), WATCH) == []


def test_flagged_trainings_come_first_and_say_where():
    calm, collapsing = history(entropy=[2] * 6), history(entropy=[2, 2, 1, 1, 0.2, 0.2])
    table = diagnostics_table(
        {"judge a": {1: calm}, "policy b": {1: calm, 2: collapsing}}, {"policy b": WATCH, "judge a": WATCH}
    )
    first, second = table.to_dict("records")
    assert (first["training"], first["sign"], first["limit"]) == ("policy b", "entropy is lost", 0.5)
    assert first["reached"] == pytest.approx(0.9)
    assert first["flag"] == "! seed 2, step 5"
    assert (second["training"], second["flag"]) == ("judge a", None)

"""Flags are raised by what goes wrong, at the step where it does, and by nothing else."""

import math
import random
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import TrainerControl

from paths import SUPPORT
from rlcs.config.policies import WatchConfig
from rlcs.training.watch import IMPORTANCE_RATIO, INDEPENDENT, TRAINING, Flag, Watchdog, flags

WATCH = WatchConfig(window=5)
STEPS = 60
USUAL = {
    "reward": 0.0,
    "reward_std": 0.8,
    "completions/mean_length": 33.0,
    "completions/clipped_ratio": 0.0,
    "entropy": 0.6,
    "kl": 0.05,
    "judge/inconsistent": 0.2,
    "stories/distinct_2": 0.2,
    "diversity/contribution": 0.4,
    "stories/repeated": 0.005,
    "stories/formatted": 0.01,
    IMPORTANCE_RATIO: 0.97,
}


def healthy(seed=0, noise=0.05):
    """A log of a training that learns: a little noise, entropy that falls slowly, both judges content."""
    rng = random.Random(seed)
    history = []
    for step in range(1, STEPS + 1):
        entry = {name: value * (1 + rng.uniform(-noise, noise)) for name, value in USUAL.items()}
        entry["entropy"] *= 1 - 0.4 * step / STEPS
        entry["kl"] += 0.2 * step / STEPS
        history.append(entry | {"step": step, "epoch": 0.1})
        if step % 10 == 0:
            rate = 0.5 + 0.4 * step / STEPS
            history.append({"step": step, INDEPENDENT: rate - 0.05, TRAINING: rate})
    return history


@given(st.integers(0, 1000), st.floats(0, 0.2))
def test_a_healthy_training_raises_no_flag(seed, noise):
    assert flags(healthy(seed, noise), WATCH) == []


@pytest.mark.parametrize(
    ("rule", "metric", "changed"),
    [
        ("length_drift", "completions/mean_length", lambda value: value * 1.8),
        ("length_drift", "completions/mean_length", lambda value: value * 0.3),
        ("entropy_crash", "entropy", lambda value: value * 0.1),
        ("kl", "kl", lambda value: 3.0),
        ("repetition", "stories/repeated", lambda value: 0.4),
        ("diversity", "stories/distinct_2", lambda value: value * 0.2),
        ("diversity", "diversity/contribution", lambda value: value * 0.4),
        ("truncated", "completions/clipped_ratio", lambda value: 0.9),
        ("formatting", "stories/formatted", lambda value: 0.5),
        ("importance_ratio", IMPORTANCE_RATIO, lambda value: 0.05),
        ("inconsistency", "judge/inconsistent", lambda value: 0.8),
        ("variance_spike", "reward_std", lambda value: value * 5),
    ],
)
def test_each_sign_is_flagged_soon_after_it_begins(rule, metric, changed):
    history = healthy()
    begins = 30
    for entry in history:
        if metric in entry and entry["step"] >= begins:
            entry[metric] = changed(entry[metric])
    (flag,) = flags(history, WATCH)
    assert flag.rule == rule
    assert begins <= flag.step <= begins + WATCH.window
    assert flag.value > flag.limit == getattr(WATCH, rule)
    assert rule in str(flag)
    assert flags(history, WATCH.model_copy(update={"action": "ignore"})) == []
    assert flags(history, WATCH.model_copy(update={rule: 1000.0})) == []


def test_judges_of_a_sum_are_watched_one_by_one():
    history = healthy()
    for entry in history:
        if value := entry.pop("judge/inconsistent", None):
            entry["judge/bt/inconsistent"] = 0.0
            entry["judge/genrm/inconsistent"] = value if entry["step"] < 30 else 0.9
    assert [flag.rule for flag in flags(history, WATCH)] == ["inconsistency"]


@pytest.mark.parametrize(
    ("independent", "training", "step"),
    [
        ((0.6, 0.7, 0.8), (0.7, 0.8, 0.9), None),
        ((0.6, 0.8, 0.75), (0.7, 0.8, 0.9), None),  # within the limit
        ((0.6, 0.8, 0.65), (0.7, 0.8, 0.9), 30),
        ((0.6, 0.8, 0.65), (0.7, 0.8, 0.7), None),  # the training's judge sees the fall as well
        ((0.6, 0.8, 0.75, 0.5), (0.7, 0.8, 0.9, 0.95), 40),
    ],
)
def test_hacking_is_a_fall_that_the_reward_does_not_see(independent, training, step):
    history = [
        {"step": 10 * n, INDEPENDENT: by_independent, TRAINING: by_training}
        for n, (by_independent, by_training) in enumerate(zip(independent, training, strict=True), start=1)
    ]
    assert [(flag.rule, flag.step) for flag in flags(history, WatchConfig(hacking=0.1))] == (
        [("hacking", step)] if step else []
    )


@given(st.integers(1, STEPS))
def test_flags_of_a_prefix_are_those_of_the_whole_until_then(end):
    history = healthy()
    for entry in history:
        if "entropy" in entry and entry["step"] >= 25:
            entry |= {"entropy": 0.01, "kl": 9.0}
    until = [entry for entry in history if entry["step"] <= end]
    assert flags(until, WATCH) == [flag for flag in flags(history, WATCH) if flag.step <= end]


def crash(watch, history):
    """Runs the callback over a log that grows; returns the step where it stopped and whether it saved."""
    dog, log_history = Watchdog(watch), []
    state = SimpleNamespace(log_history=log_history, is_world_process_zero=True)
    dog.on_train_begin(None, state, TrainerControl())
    for entry in history:
        control = TrainerControl(should_save=True)
        log_history.append(entry)
        dog.on_log(None, state, control)
        if control.should_training_stop:
            return entry["step"], control.should_save
    return None, None


def test_the_callback_warns_once_or_stops_without_a_checkpoint(caplog):
    history = healthy()
    for entry in history:
        if "entropy" in entry and entry["step"] >= 25:
            entry["entropy"] = 0.01
    assert crash(WATCH, history) == (None, None)
    assert [record.getMessage() for record in caplog.records] == [
        f"watch: {flag}" for flag in flags(history, WATCH)
    ]
    (flag,) = flags(history, WATCH)
    assert crash(WATCH.model_copy(update={"action": "stop"}), history) == (flag.step, False)
    assert crash(WATCH.model_copy(update={"action": "stop"}), healthy()) == (None, None)


def test_flags_compare_and_read_well():
    flag = Flag(30, "kl", 1.5, 1.0)
    assert str(flag) == "step 30: kl 1.5 is above 1"


def stored(name):
    """The log of a real training of the tiny run's policy; the independent judge is the oracle."""
    logged = pd.read_csv(SUPPORT / "histories" / f"{name}.csv")
    return [{"step": row.pop("step"), **row} for row in logged.to_dict("records")]


def told(name, **changes):
    history = [
        {metric: value for metric, value in entry.items() if not math.isnan(value)} for entry in stored(name)
    ]
    return flags(history, WatchConfig(**changes))


def test_a_real_training_that_learns_raises_no_flag():
    """80 steps at a learning rate of 6e-4 that falls to 0: the oracle's win rate rises from 0.6 to 0.7."""
    assert told("healthy") == []


def test_a_real_training_that_hacks_its_judge_is_caught():
    """A constant learning rate of 1e-3: the GenRM likes the policy better and better, the oracle does not."""
    found = {flag.rule: flag for flag in told("hacking")}
    assert "hacking" in found
    assert found["hacking"].step <= 20
    assert found["hacking"].value > 0.2

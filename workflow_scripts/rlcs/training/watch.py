"""Signs that a training goes wrong, read from its own log: pure rules, and the callback that applies them.

A rule compares the last ``window`` logged values of a metric with the first ones (our choice of rules; their
limits are config). A flag says at which step a rule first held; flags depend on the log alone, so a resumed
training raises those of one that never stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, NamedTuple

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rlcs.config.policies import WatchConfig

log = logging.getLogger("rlcs")

History = Sequence[Mapping[str, float]]
"""A trainer's ``state.log_history``."""

INDEPENDENT, TRAINING = "select/independent", "select/training"
"""Win rates of the policy over its start: by the judge that selects, and by the training's own."""


@dataclass(frozen=True)
class Flag:
    """A sign's value was above its limit."""

    step: int
    rule: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"step {self.step}: {self.rule} {self.value:.3g} is above {self.limit:g}"


class Point(NamedTuple):
    step: int
    value: float


def series(history: History, metric: str) -> list[Point]:
    """A metric's logged values, in order."""
    return [Point(int(entry["step"]), entry[metric]) for entry in history if entry.get(metric) is not None]


def _drift(first: float, recent: float) -> float:
    return abs(recent / first - 1) if first else 0.0


def _lost(first: float, recent: float) -> float:
    return 1 - recent / first if first else 0.0


def _rise(first: float, recent: float) -> float:
    return recent - first


def _level(_: float, recent: float) -> float:
    return recent


# By the limit's name in ``WatchConfig``: the end of the metric's name, and what is compared with the limit,
# from the means of the first and of the last window.
COMPARED: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "length_drift": ("completions/mean_length", _drift),
    "entropy_crash": ("entropy", _lost),
    "kl": ("kl", _level),
    "repetition": ("stories/repeated", _rise),
    "diversity": ("stories/distinct_2", _lost),
    "truncated": ("completions/clipped_ratio", _rise),
    "inconsistency": ("inconsistent", _rise),
}


def compared(
    points: Sequence[Point], window: int, value: Callable[[float, float], float], rule: str, limit: float
) -> Flag | None:
    """The first step at which the last window is above the limit; the windows never overlap."""
    values = [point.value for point in points]
    for end in range(2 * window, len(values) + 1):
        found = value(fmean(values[:window]), fmean(values[end - window : end]))
        if found > limit:
            return Flag(points[end - 1].step, rule, found, limit)
    return None


def variance_spike(points: Sequence[Point], window: int, limit: float) -> Flag | None:
    """The first standard deviation of the reward above ``limit`` times the median of the window before it."""
    for end in range(window, len(points)):
        usual = median(point.value for point in points[end - window : end])
        if usual > 0 and points[end].value / usual > limit:
            return Flag(points[end].step, "variance_spike", points[end].value / usual, limit)
    return None


def hacking(independent: Sequence[Point], training: Sequence[Point], limit: float) -> Flag | None:
    """The reward goes up while an independent judge goes down.

    The first step where the independent win rate is more than ``limit`` below its best so far, and the
    training's judge likes the policy no less than it did at that best step.
    """
    by_training = {point.step: point.value for point in training}
    best: Point | None = None
    for point in independent:
        if best is None or point.value > best.value:
            best = point
        fall = best.value - point.value
        known = point.step in by_training and best.step in by_training
        if fall > limit and known and by_training[point.step] >= by_training[best.step]:
            return Flag(point.step, "hacking", fall, limit)
    return None


def flags(history: History, watch: WatchConfig) -> list[Flag]:
    """The first flag of each rule, by step."""
    if watch.action == "ignore":
        return []
    metrics = dict.fromkeys(metric for entry in history for metric in entry)
    found = [
        compared(series(history, metric), watch.window, value, rule, getattr(watch, rule))
        for rule, (end, value) in COMPARED.items()
        for metric in metrics
        if (metric == end or metric.endswith(f"/{end}")) and not metric.startswith("eval")
    ]
    found.append(variance_spike(series(history, "reward_std"), watch.window, watch.variance_spike))
    found.append(hacking(series(history, INDEPENDENT), series(history, TRAINING), watch.hacking))
    first: dict[str, Flag] = {}
    for flag in sorted((flag for flag in found if flag is not None), key=lambda flag: flag.step):
        first.setdefault(flag.rule, flag)
    return list(first.values())


class Watchdog(TrainerCallback):
    """Says each new flag once and, where the config wants it, ends the training."""

    def __init__(self, watch: WatchConfig) -> None:
        self.watch = watch
        self.told: set[Flag] = set()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.told.update(flags(state.log_history, self.watch))  # before a resume

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        for flag in flags(state.log_history, self.watch):
            if flag in self.told:
                continue
            self.told.add(flag)
            if state.is_world_process_zero:
                log.warning("watch: %s", flag)
            if self.watch.action == "stop":
                # no checkpoint of this step: a training that is resumed must come here and stop again
                control.should_save = False
                control.should_training_stop = True

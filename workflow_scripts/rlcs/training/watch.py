"""Signs that a training goes wrong, read from its own log, and the callback that acts on them.

Most signs compare the last ``window`` logged values of a metric with the first ones. Design choice: which
rules there are; their limits are config. Signs depend on the log alone, so a resumed training raises the
flags of one that never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, NamedTuple

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rlcs.config.policies import WatchConfig
from rlcs.stages.stage import log

History = Sequence[Mapping[str, float]]
"""A trainer's ``state.log_history``."""

INDEPENDENT, TRAINING = "eval_win_rate/independent", "eval_win_rate/reward"
"""Win rates of the policy over its start: by the judge that selects, and by the reward's own."""


IMPORTANCE_RATIO = "sampling/importance_sampling_ratio/mean"
"""Probability of the rollouts under the trainer over that under vLLM, which wrote them; TRL weighs by it."""


@dataclass(frozen=True)
class Flag:
    """The first value of a sign above its limit."""

    step: int
    rule: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"step {self.step}: {self.rule} {self.value:.3g} is above {self.limit:g}"


class Point(NamedTuple):
    step: int
    value: float


class SignValue(NamedTuple):
    """A sign's value at a step; ``counts`` is False if it raises no flag, however large."""

    step: int
    value: float
    counts: bool = True


@dataclass(frozen=True)
class Sign:
    """A sign of collapse in one training.

    Attributes:
        rule: name of the limit in ``WatchConfig``.
        value: the largest value that was compared with the limit.
        flag: None if no value was above the limit, or if the config ignores flags.
    """

    rule: str
    value: float
    limit: float
    flag: Flag | None


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


# By the limit's name in ``WatchConfig``: the ends of the metrics' names, and what is compared with the limit,
# from the means of the first and of the last window.
WINDOWED: dict[str, tuple[tuple[str, ...], Callable[[float, float], float]]] = {
    "length_drift": (("completions/mean_length",), _drift),
    "entropy_crash": (("entropy",), _lost),
    "kl": (("kl",), _level),
    "repetition": (("stories/repeated",), _rise),
    "diversity": (("stories/distinct_2", "diversity/contribution"), _lost),
    "truncated": (("completions/clipped_ratio",), _rise),
    "formatting": (("stories/formatted",), _rise),
    "inconsistency": (("inconsistent",), _rise),
}


def _windowed(
    points: Sequence[Point], window: int, compare: Callable[[float, float], float]
) -> Iterator[SignValue]:
    """The last window against the first; the two never overlap."""
    values = [point.value for point in points]
    for end in range(2 * window, len(values) + 1):
        yield SignValue(
            points[end - 1].step, compare(fmean(values[:window]), fmean(values[end - window : end]))
        )


def _shortfall(points: Sequence[Point], window: int) -> Iterator[SignValue]:
    """The shortfall of the last window's mean importance ratio below 1."""
    values = [point.value for point in points]
    for end in range(window, len(values) + 1):
        yield SignValue(points[end - 1].step, 1 - fmean(values[end - window : end]))


def _variance_spikes(points: Sequence[Point], window: int) -> Iterator[SignValue]:
    """The reward's standard deviation over the median of the window before it."""
    for end in range(window, len(points)):
        usual = median(point.value for point in points[end - window : end])
        if usual > 0:
            yield SignValue(points[end].step, points[end].value / usual)


def _hacking(independent: Sequence[Point], training: Sequence[Point]) -> Iterator[SignValue]:
    """The fall of the independent win rate below its best so far.

    It counts if the training's judge likes the policy no less than it did at that best step: the reward goes
    up while an independent judge goes down.
    """
    by_training = {point.step: point.value for point in training}
    best: Point | None = None
    for point in independent:
        if point.step not in by_training:
            continue
        if best is None or point.value > best.value:
            best = point
        rewarded = by_training[point.step] >= by_training[best.step]
        yield SignValue(point.step, best.value - point.value, counts=rewarded)


def measure_signs(history: History, watch: WatchConfig) -> list[Sign]:
    """The signs of a training's log, in the order of ``WatchConfig``'s limits.

    A sign that cannot be measured is left out: its metric was not logged, or too seldom.
    """
    metrics = list(dict.fromkeys(metric for entry in history for metric in entry))
    values_of: dict[str, list[SignValue]] = {
        rule: [
            compared
            for metric in metrics
            if f"/{metric}".endswith(tuple(f"/{end}" for end in ends)) and not metric.startswith("eval")
            for compared in _windowed(series(history, metric), watch.window, compare)
        ]
        for rule, (ends, compare) in WINDOWED.items()
    }
    values_of["importance_ratio"] = list(_shortfall(series(history, IMPORTANCE_RATIO), watch.window))
    values_of["variance_spike"] = list(_variance_spikes(series(history, "reward_std"), watch.window))
    values_of["hacking"] = list(_hacking(series(history, INDEPENDENT), series(history, TRAINING)))
    signs = []
    for rule, values in values_of.items():
        if values:
            limit = getattr(watch, rule)
            above = [compared for compared in values if compared.counts and compared.value > limit]
            flag = None
            if above and watch.action != "ignore":
                first = min(above, key=lambda compared: compared.step)
                flag = Flag(first.step, rule, first.value, limit)
            signs.append(Sign(rule, max(compared.value for compared in values), limit, flag))
    return signs


def flags(history: History, watch: WatchConfig) -> list[Flag]:
    """The first flag of each rule, by step."""
    raised = [sign.flag for sign in measure_signs(history, watch) if sign.flag is not None]
    return sorted(raised, key=lambda flag: flag.step)


class Watchdog(TrainerCallback):
    """Logs each new flag once and ends the training if ``watch.action`` is ``stop``."""

    def __init__(self, watch: WatchConfig) -> None:
        self.watch = watch
        self.logged: set[Flag] = set()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.logged.update(flags(state.log_history, self.watch))  # before a resume

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        for flag in flags(state.log_history, self.watch):
            if flag in self.logged:
                continue
            self.logged.add(flag)
            if state.is_world_process_zero:
                log.warning("watch: %s", flag)
            if self.watch.action == "stop":
                # no checkpoint of this step: a training that is resumed must come here and stop again
                control.should_save = False
                control.should_training_stop = True

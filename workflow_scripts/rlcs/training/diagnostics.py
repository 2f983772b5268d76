"""How near each training came to the signs of collapse that ``watch`` flags: a table from its own log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median

import pandas as pd

from rlcs.config.policies import WatchConfig
from rlcs.training.watch import COMPARED, INDEPENDENT, TRAINING, History, Point, flags, series

SIGNS = {
    "length_drift": "length of completions drifts",
    "entropy_crash": "entropy is lost",
    "kl": "KL to the reference",
    "repetition": "repetition rises",
    "diversity": "diversity is lost",
    "truncated": "more is cut off",
    "inconsistency": "orders disagree more",
    "variance_spike": "variance of the reward spikes",
    "hacking": "the reward rises, an independent judge falls",
}


def log_history(history: pd.DataFrame) -> History:
    """Rows of HISTORY as the trainer's log: an entry for each step."""
    entries: dict[int, dict[str, float]] = {}
    for row in history.sort_values("step", kind="stable").to_dict("records"):
        entries.setdefault(row["step"], {"step": row["step"]})[row["metric"]] = row["value"]
    return list(entries.values())


def highest(log: History, watch: WatchConfig) -> dict[str, float]:
    """By rule of ``watch.flags``, the largest value that it compared with its limit; rules that could not be
    applied (nothing logged, or too little) are left out.
    """
    metrics = dict.fromkeys(metric for entry in log for metric in entry)
    found: dict[str, list[float]] = {}
    for rule, (end, value) in COMPARED.items():
        for metric in metrics:
            if (metric == end or metric.endswith(f"/{end}")) and not metric.startswith("eval"):
                values, window = [point.value for point in series(log, metric)], watch.window
                found.setdefault(rule, []).extend(
                    value(fmean(values[:window]), fmean(values[last - window : last]))
                    for last in range(2 * window, len(values) + 1)
                )
    found["variance_spike"] = _spikes(series(log, "reward_std"), watch.window)
    by_training = {point.step for point in series(log, TRAINING)}
    wins = [point.value for point in series(log, INDEPENDENT) if point.step in by_training]
    found["hacking"] = [max(wins[: place + 1]) - value for place, value in enumerate(wins)]
    return {rule: max(values) for rule, values in found.items() if values}


def _spikes(points: Sequence[Point], window: int) -> list[float]:
    """Each value over the median of the window before it."""
    values = [point.value for point in points]
    usual = {place: median(values[place - window : place]) for place in range(window, len(values))}
    return [values[place] / before for place, before in usual.items() if before > 0]


def diagnostics_table(
    histories: Mapping[str, Mapping[int, pd.DataFrame]], watches: Mapping[str, WatchConfig]
) -> pd.DataFrame:
    """A row for each training and sign, flagged ones first: the largest value over the seeds, and the limit.

    Args:
        histories: name -> seed -> rows of HISTORY.
        watches: the limits by name; the default ones for a name that has none.
    """
    rows = []
    for name, seeds in histories.items():
        watch = watches.get(name, WatchConfig())
        logs = {seed: log_history(history) for seed, history in seeds.items()}
        raised = {seed: {flag.rule: flag for flag in flags(log, watch)} for seed, log in logs.items()}
        reached = {seed: highest(log, watch) for seed, log in logs.items()}
        for rule, sign in SIGNS.items():
            values = [of_seed[rule] for of_seed in reached.values() if rule in of_seed]
            steps = {seed: by_rule[rule].step for seed, by_rule in raised.items() if rule in by_rule}
            said = [f"seed {seed}, step {step}" for seed, step in steps.items()]
            if values:
                rows.append(
                    {
                        "training": name,
                        "sign": sign,
                        "reached": max(values),
                        "limit": getattr(watch, rule),
                        "flag": f"! {'; '.join(said)}" if said else None,
                    }
                )
    rows.sort(key=lambda row: row["flag"] is None)
    return pd.DataFrame(rows, columns=["training", "sign", "reached", "limit", "flag"], dtype=object)

"""Diagnostics table: how near each training came to the signs of collapse that ``watch`` measures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from rlcs.config.policies import WatchConfig
from rlcs.training.watch import History, measure_signs

SIGNS = {
    "length_drift": "length of completions drifts",
    "entropy_crash": "entropy is lost",
    "kl": "KL to the reference",
    "repetition": "repetition rises",
    "diversity": "diversity is lost",
    "truncated": "more is truncated",
    "formatting": "formatting rises",
    "importance_ratio": "vLLM's rollouts are improbable to the trainer",
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
        signs = {
            seed: {sign.rule: sign for sign in measure_signs(log_history(history), watch)}
            for seed, history in seeds.items()
        }
        for rule, title in SIGNS.items():
            measured = {seed: by_rule[rule] for seed, by_rule in signs.items() if rule in by_rule}
            flagged = [
                f"seed {seed}, step {sign.flag.step}"
                for seed, sign in measured.items()
                if sign.flag is not None
            ]
            if measured:
                rows.append(
                    {
                        "training": name,
                        "sign": title,
                        "reached": max(sign.value for sign in measured.values()),
                        "limit": getattr(watch, rule),
                        "flag": f"! {'; '.join(flagged)}" if flagged else None,
                    }
                )
    rows.sort(key=lambda row: row["flag"] is None)
    return pd.DataFrame(rows, columns=["training", "sign", "reached", "limit", "flag"], dtype=object)

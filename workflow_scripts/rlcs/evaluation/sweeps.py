"""Sweeps: a column of a table over a key of the entries that its rows are of."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rlcs.errors import InputError

SweepPoint = tuple[str, str, float]
"""Series, entry, x."""


def sweep_table(
    frame: pd.DataFrame,
    points: Sequence[SweepPoint],
    lines: Sequence[str],
    *,
    x: str,
    metric: str,
    judge: str | None = None,
) -> pd.DataFrame:
    """One row per point and one per horizontal line, which has neither series nor x.

    A line of ``accuracy_both_orders`` without p, such as the oracle's or people's, has its accuracy by
    verdicts. A point without a value in the column stays without one.

    Args:
        frame: of ``alignment.alignment_table`` or ``win_rates.win_rate_table``.
        lines: names of further rows of the frame.
        x, metric: names of the two columns with numbers.
        judge: the one whose win rates are taken.

    Raises:
        InputError: the frame has no such row.
    """
    rows = frame[frame["judge"] == judge] if "judge" in frame else frame
    by_name = rows.set_index("policy" if "policy" in rows else "system")
    named = [*(entry for _, entry, _ in points), *lines]
    if missing := [name for name in named if name not in by_name.index]:
        raise InputError(
            f"a sweep names {missing[0]!r}, but its table has the rows {', '.join(by_name.index)}; leave it "
            "out (there is none of people if no pair has several annotators)"
        )
    values = by_name[metric].to_dict()
    by_verdicts = by_name["accuracy"].to_dict() if metric == "accuracy_both_orders" else values
    return pd.DataFrame(
        [[*point, values[point[1]]] for point in points]
        + [[None, line, None, values[line] or by_verdicts[line]] for line in lines],
        columns=["series", "system", x, metric],
        dtype=object,
    )

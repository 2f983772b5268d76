"""Figures of the tables: forest plots, matrices, reliability diagrams."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from rlcs.evaluation.statistics import Estimate
from rlcs.records import BASELINES
from rlcs.report.columns import get_column
from rlcs.report.figure_style import (
    GRID,
    INK,
    LINE_STYLES,
    MUTED,
    PALETTE,
    PAPER,
    WIDTH,
    add_legend,
    new_figure,
)


def plot_alignment(frame: pd.DataFrame) -> Figure:
    """Plot the accuracy and interval of each system of ``alignment.alignment_table``, as a forest plot.

    Filled dots are our judges, hollow dots the baselines, hollow diamonds the paper's numbers.
    """
    with new_figure(WIDTH, 0.42 * len(frame) + 1.15) as figure:
        axes = figure.subplots()
        for row, cells in enumerate(frame.to_dict("records")):
            baseline = cells["system"] in BASELINES
            color = MUTED if baseline else PALETTE[0]
            _draw_interval(axes, row, cells["accuracy"], color, hollow=baseline)
            _draw_paper(axes, row, cells["paper"])
        _finish_forest(figure, axes, [str(name) for name in frame["system"]], "accuracy on held-out pairs, %")
    return figure


def plot_calibration(frame: pd.DataFrame) -> Figure:
    """Plot the share of the label a over p of ``calibration.calibration_table``, as a reliability diagram."""
    with new_figure(WIDTH, 0.8 * WIDTH) as figure:
        axes = figure.subplots()
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=0.8, linestyle=":")
        for position, (name, rows) in enumerate(frame.groupby("system", sort=False)):
            color = PALETTE[position % len(PALETTE)]
            p, shares = [100 * value for value in rows["mean_p"]], list(rows["label_a"])
            axes.plot(p, [100 * e.value for e in shares], color=color, marker="o", markersize=3.5, label=name)
            axes.vlines(p, [100 * e.low for e in shares], [100 * e.high for e in shares], color=color, lw=0.8)
        if not len(frame):
            axes.text(50, 90, "no judge gives a p of its own", color=MUTED, ha="center")
        axes.set_xlabel("the judge's p that a is better, %")
        axes.set_ylabel("label a, %")
        axes.grid()
        add_legend(figure, axes, min_labels=1)
    return figure


def plot_gains(frame: pd.DataFrame) -> Figure:
    """Plot a policy's win rate over the accuracy of its judge, a point per judge of ``gains.gain_table``."""
    with new_figure(WIDTH, 0.75 * WIDTH) as figure:
        axes = figure.subplots()
        for cells in frame.to_dict("records"):
            accuracy, wins = cells["accuracy"], cells["win_rate"]
            x, y = 100 * accuracy.value, 100 * wins.value
            axes.plot([100 * accuracy.low, 100 * accuracy.high], [y, y], color=GRID, linewidth=1)
            axes.plot([x, x], [100 * wins.low, 100 * wins.high], color=GRID, linewidth=1)
            axes.plot([x], [y], "o", color=PALETTE[0], markersize=5.5)
            axes.annotate(cells["judge"], (x, y), (5, 4), textcoords="offset points", fontsize=8.5)
        axes.axhline(50, color=MUTED, linewidth=1, linestyle="--", zorder=1)
        axes.set_xlabel("accuracy of the judge on held-out pairs, %")
        axes.set_ylabel("win rate of its policy, %")
        axes.grid()
        axes.margins(0.12)
    return figure


def plot_win_rate_matrix(frame: pd.DataFrame, judge: str) -> Figure:
    """Plot ``win_rates.win_rate_matrix`` of one judge: wins of the row's policy over the column's in %.

    The color shows who wins, and its strength how often.
    """
    rows = frame[frame["judge"] == judge]
    policies = list(dict.fromkeys(rows["policy"]))
    won = {(row["policy"], row["opponent"]): row["win_rate"].value for row in rows.to_dict("records")}
    size = 0.62 * len(policies)
    with new_figure(max(3.2, size + 1.6), size + 1.1) as figure:
        axes = figure.subplots()
        colors = [[_cell_color(won.get((policy, opponent))) for opponent in policies] for policy in policies]
        axes.pcolormesh(colors, edgecolors=PAPER, linewidth=1.5)
        for (policy, opponent), value in won.items():
            center = (policies.index(opponent) + 0.5, policies.index(policy) + 0.5)
            shown = "–" if pd.isna(value) else f"{100 * value:.0f}"
            axes.text(*center, shown, ha="center", va="center", fontsize=10)
        ticks = [number + 0.5 for number in range(len(policies))]
        axes.set_xticks(ticks, policies, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, policies)
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
        axes.set_ylim(len(policies), 0)
        axes.set_aspect("equal")
        axes.set_title(f"judge: {judge}")
    return figure


def _cell_color(won: float | None) -> tuple[float, float, float, float]:
    """Blue above one half, orange below, and fainter the closer to it; a faint gray if there was no match."""
    if won is None or pd.isna(won):
        return to_rgba(GRID, 0.25)
    return to_rgba(PALETTE[0] if won >= 0.5 else PALETTE[1], min(1.0, 1.6 * abs(won - 0.5)))


def plot_position_bias(frame: pd.DataFrame) -> Figure:
    """Plot the accuracy with the better story first and second, of ``position_bias.position_bias_table``."""
    with new_figure(WIDTH, 0.5 * len(frame) + 1.15) as figure:
        axes = figure.subplots()
        for row, cells in enumerate(frame.to_dict("records")):
            for number, (column, position) in enumerate(
                (("preferred_first", "first"), ("preferred_second", "second"))
            ):
                label = f"the better story is shown {position}"
                _draw_interval(axes, row + 0.22 * number - 0.11, cells[column], PALETTE[number], label=label)
        _finish_forest(figure, axes, [str(name) for name in frame["system"]], "accuracy, %")
    return figure


def plot_sweep(frame: pd.DataFrame, x: str, metric: str, *, label: str, log_x: bool) -> Figure:
    """Plot ``sweeps.sweep_table``: a line per series with its intervals, and a horizontal line per other row.

    Rows without a value are left out.

    Args:
        x, metric: names of the two columns.
        label: words below the axis.
    """
    known = frame[[estimate is not None and not pd.isna(estimate.value) for estimate in frame[metric]]]
    points, lines = known[known["series"].notna()], known[known["series"].isna()]
    with new_figure(WIDTH, 0.75 * WIDTH) as figure:
        axes = figure.subplots()
        for position, (name, rows) in enumerate(points.groupby("series", sort=False)):
            color, values = PALETTE[position % len(PALETTE)], list(rows[x])
            shown = [100 * estimate.value for estimate in rows[metric]]
            axes.plot(values, shown, color=color, marker="o", markersize=4.5, linewidth=1.8, label=name)
            low, high = ([100 * getattr(e, end) for e in rows[metric]] for end in ("low", "high"))
            axes.vlines(values, low, high, color=color, linewidth=1)
        for position, (name, estimate) in enumerate(zip(lines["system"], lines[metric], strict=True)):
            style = LINE_STYLES[1 + position % (len(LINE_STYLES) - 1)]
            axes.axhline(100 * estimate.value, color=MUTED, linewidth=1, linestyle=style, label=name)
        if log_x:
            axes.set_xscale("log")
        ticks = sorted(set(points[x]))
        axes.set_xticks(ticks, [f"{value:,g}" for value in ticks])
        axes.minorticks_off()
        axes.set_xlabel(label)
        axes.set_ylabel(get_column(metric).title)
        axes.grid(axis="y")
        add_legend(figure, axes, min_labels=1)
    return figure


def plot_win_rates(frame: pd.DataFrame) -> Figure:
    """Plot ``win_rates.win_rate_table`` as a forest plot, with a row per policy and a color per judge."""
    frame = frame[frame["policy"] != frame["reference"]]
    policies, judges = list(dict.fromkeys(frame["policy"])), list(dict.fromkeys(frame["judge"]))
    with new_figure(WIDTH, (0.24 * len(judges) + 0.3) * len(policies) + 1.15) as figure:
        axes = figure.subplots()
        for cells in frame.to_dict("records"):
            number = judges.index(cells["judge"])
            offset = (number - (len(judges) - 1) / 2) * 0.7 / max(1, len(judges))
            row, color = policies.index(cells["policy"]), PALETTE[number % len(PALETTE)]
            label = f"judge: {cells['judge']}"
            _draw_interval(axes, row + offset, cells["win_rate"], color, label=label)
            if number == 0:  # the paper's number belongs to the policy, not to one of our judges
                _draw_paper(axes, row, cells["paper"])
        _finish_forest(figure, axes, [str(name) for name in policies], "win rate, %")
    return figure


def _draw_interval(
    axes: Axes, y: float, estimate: Estimate, color: str, *, hollow: bool = False, label: str | None = None
) -> None:
    axes.plot([100 * estimate.low, 100 * estimate.high], [y, y], color=color, linewidth=2)
    axes.plot(
        [100 * estimate.value],
        [y],
        "o",
        color=color,
        markerfacecolor=PAPER if hollow else color,
        markersize=6.5,
        label=label,
    )


def _draw_paper(axes: Axes, y: float, paper: float | None) -> None:
    """Draw the paper's number, which is in per cent."""
    if paper is not None and not pd.isna(paper):
        style = {"color": INK, "markerfacecolor": "none", "markersize": 7, "linestyle": "none"}
        axes.plot([paper], [y], "D", label="paper, its own data", **style)  # type: ignore[arg-type]


def _finish_forest(figure: Figure, axes: Axes, names: list[str], x_label: str) -> None:
    axes.axvline(50, color=MUTED, linewidth=1, linestyle="--", zorder=1)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=10)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel(x_label)
    low, high = axes.get_xlim()
    axes.set_xlim(max(-2, min(low, 45)), min(102, max(high, 55)))
    add_legend(figure, axes, min_labels=1)

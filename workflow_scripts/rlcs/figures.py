"""Figures: training curves and forest plots, as SVG with the same bytes for the same numbers.

Figures are built without pyplot, so that nothing global changes. Only the colours named here occur; the HTML
page replaces them by its own, so that a figure follows dark mode.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlcs.alignment_tables import BASELINES
from rlcs.statistics import Estimate

INK, MUTED, GRID, PAPER = "#1c1d20", "#6b6f76", "#dfe1e5", "#fefefe"
# Okabe and Ito's palette for colour-blind readers, without its yellow and black
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LINE_STYLES = ("-", "--", ":")
TITLES = {
    "reward": "Training reward",
    "completions/mean_length": "Completion length (tokens)",
    "entropy": "Entropy (nats per token)",
    "kl": "KL to the reference model",
    "loss": "Loss",
    "eval_reward": "Alignment: reward on validation pairs",
    "eval_accuracy": "Alignment: accuracy on validation pairs",
    "frac_reward_zero_std": "Groups without variance (share)",
    "constraints/kept": "Constraints kept (share)",
    "constraints/violators_rewarded": "Stories that break a constraint and are rewarded",
    "judge/unparsed": "Unparsed judgements (share)",
    "judge/failed": "Judgements that were not had (share)",
    "judge/inconsistent": "Comparisons whose orders disagree (share)",
    "judge/skew": "Skew of the groups (mean |sum of rewards| / size)",
}
SMOOTHED_FROM = 20  # logged points; below it every point is shown and none is averaged
WIDTH = 5.0  # inches; readable on a phone when the page scales it down
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rlcs",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": PAPER,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.6,
}

Histories = Mapping[str, Mapping[int, pd.DataFrame]]


@contextmanager
def _style() -> Iterator[None]:
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]  # the stub lists every key as a literal
        yield


def _settle(figure: Figure) -> None:
    """Lay the figure out once and for all: laid out anew at each save, positions and bytes would drift."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def to_svg(figure: Figure) -> str:
    """The figure as SVG; no date and a fixed salt, so equal figures give equal bytes."""
    buffer = io.StringIO()
    with _style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def available_metrics(histories: Histories, metrics: Sequence[str]) -> list[str]:
    """Those of ``metrics``, in order, that at least one history has."""
    logged = {name for seeds in histories.values() for frame in seeds.values() for name in frame["metric"]}
    return [metric for metric in metrics if metric in logged]


def curve(seeds: Mapping[int, pd.DataFrame], metric: str) -> pd.DataFrame:
    """One metric over steps: a row per step and a column per seed.

    A step that was logged twice (a run that was killed and resumed) counts once, with its last value.
    """
    columns = {}
    for seed, history in seeds.items():
        rows = history[history["metric"] == metric]
        columns[seed] = rows.drop_duplicates("step", keep="last").set_index("step")["value"]
    return pd.DataFrame(columns).sort_index().dropna(how="all")


def training_curve(histories: Histories, metric: str) -> Figure:
    """One metric of several models; ``histories`` maps name -> seed -> HISTORY rows."""
    with _style():
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        axes = figure.subplots()
        _draw_curves(axes, histories, metric)
        axes.set_xlabel("step")
        _legend(figure, axes)
        _settle(figure)
    return figure


def training_curves(histories: Histories, metrics: Sequence[str]) -> Figure:
    """Small multiples, a panel per metric, on one step axis; metrics that nobody logged are left out.

    A line is one model: the running mean of what it logged, over a tenth of the points. With one seed the
    logged values are drawn faintly behind it; with several seeds the line is the seeds' mean and the band
    reaches from the lowest seed to the highest.

    Raises:
        ValueError: no history has any of the metrics.
    """
    shown = available_metrics(histories, metrics)
    if not shown:
        raise ValueError(f"none of the metrics {list(metrics)} was logged by {list(histories)}")
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    with _style():
        figure = Figure(
            figsize=(WIDTH * (1 if columns == 1 else 1.7), 2.2 * rows + 0.4), layout="constrained"
        )
        panels = figure.subplots(rows, columns, sharex=True, squeeze=False).flatten()
        for axes, metric in zip(panels, shown, strict=False):
            _draw_curves(axes, histories, metric)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        for axes in panels[max(0, len(shown) - columns) : len(shown)]:  # the lowest panel of each column
            axes.set_xlabel("step")
            axes.tick_params(labelbottom=True)
        _legend(figure, *panels[: len(shown)])
        _settle(figure)
    return figure


def _draw_curves(axes: Axes, histories: Histories, metric: str) -> None:
    for position, (name, seeds) in enumerate(histories.items()):
        logged = curve(seeds, metric)
        if logged.empty:
            continue
        colour = PALETTE[position % len(PALETTE)]
        few = len(logged) < SMOOTHED_FROM
        window = 1 if few else max(3, len(logged) // 10)
        smooth = logged.rolling(window, center=True, min_periods=1).mean()
        if logged.shape[1] > 1:
            band = (smooth.min(axis=1), smooth.max(axis=1))
            axes.fill_between(smooth.index, *band, color=colour, alpha=0.18, linewidth=0)
        elif not few:
            axes.plot(logged.index, logged, color=colour, alpha=0.3, linewidth=0.8)
        axes.plot(
            smooth.index,
            smooth.mean(axis=1),
            color=colour,
            linestyle=LINE_STYLES[position // len(PALETTE) % len(LINE_STYLES)],
            linewidth=1.8,
            label=name,
            marker="o" if few else None,
            markersize=3.5,
        )
    axes.set_title(TITLES.get(metric, metric))
    axes.grid(axis="y")
    axes.locator_params(axis="y", nbins=5)


def _legend(figure: Figure, *panels: Axes, fewest: int = 2) -> None:
    """One legend above all panels, each label once; none where there are fewer than ``fewest`` labels."""
    lines: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            lines.setdefault(label, handle)
    if len(lines) >= fewest:
        columns = min(len(lines), 3 if len(panels) == 1 else 4)
        figure.legend(lines.values(), lines.keys(), loc="outside upper left", ncols=columns)


def alignment_figure(frame: pd.DataFrame) -> Figure:
    """Forest plot of ``alignment_table``: accuracy and interval of each system.

    Filled dots are ours, hollow diamonds the papers' figures, hollow dots the baselines.
    """
    with _style():
        figure = Figure(figsize=(WIDTH, 0.42 * len(frame) + 1.15), layout="constrained")
        axes = figure.subplots()
        for row, cells in enumerate(frame.to_dict("records")):
            baseline = cells["system"] in BASELINES
            colour = MUTED if baseline else PALETTE[0]
            _draw_interval(axes, row, cells["accuracy"], colour, hollow=baseline)
            _draw_paper(axes, row, cells["paper"])
        _finish_forest(figure, axes, [str(name) for name in frame["system"]], "accuracy on held-out pairs, %")
    return figure


def calibration_figure(frame: pd.DataFrame) -> Figure:
    """Reliability diagram of ``judging_tables.calibration_table``: the share of the label a over p."""
    with _style():
        figure = Figure(figsize=(WIDTH, 0.8 * WIDTH), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=0.8, linestyle=":")
        for position, (name, rows) in enumerate(frame.groupby("system", sort=False)):
            colour = PALETTE[position % len(PALETTE)]
            p, shares = [100 * value for value in rows["mean_p"]], list(rows["label_a"])
            axes.plot(
                p, [100 * e.value for e in shares], color=colour, marker="o", markersize=3.5, label=name
            )
            axes.vlines(
                p, [100 * e.low for e in shares], [100 * e.high for e in shares], color=colour, lw=0.8
            )
        axes.set_xlabel("the judge's p that a is better, %")
        axes.set_ylabel("label a, %")
        axes.grid()
        _legend(figure, axes, fewest=1)
        _settle(figure)
    return figure


def gain_figure(frame: pd.DataFrame) -> Figure:
    """Scatter of ``gains.gain_table``: win rate of the policy over accuracy of its judge, a point a judge."""
    with _style():
        figure = Figure(figsize=(WIDTH, 0.75 * WIDTH), layout="constrained")
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
        _settle(figure)
    return figure


def win_rate_figure(frame: pd.DataFrame) -> Figure:
    """Forest plot of ``tables.win_rate_table``: a row per policy, a colour per judge, the 50 % line."""
    frame = frame[frame["policy"] != frame["reference"]]
    policies, judges = list(dict.fromkeys(frame["policy"])), list(dict.fromkeys(frame["judge"]))
    with _style():
        height = (0.24 * len(judges) + 0.3) * len(policies) + 1.15
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots()
        for cells in frame.to_dict("records"):
            number = judges.index(cells["judge"])
            offset = (number - (len(judges) - 1) / 2) * 0.7 / max(1, len(judges))
            row, colour = policies.index(cells["policy"]), PALETTE[number % len(PALETTE)]
            label = f"judge: {cells['judge']}"
            _draw_interval(axes, row + offset, cells["win_rate"], colour, label=label)
            if number == 0:  # the paper's figure belongs to the policy, not to one of our judges
                _draw_paper(axes, row, cells["paper"])
        _finish_forest(figure, axes, [str(name) for name in policies], "win rate, %")
    return figure


def _draw_interval(
    axes: Axes, y: float, estimate: Estimate, colour: str, *, hollow: bool = False, label: str | None = None
) -> None:
    axes.plot([100 * estimate.low, 100 * estimate.high], [y, y], color=colour, linewidth=2)
    axes.plot(
        [100 * estimate.value],
        [y],
        "o",
        color=colour,
        markerfacecolor=PAPER if hollow else colour,
        markersize=6.5,
        label=label,
    )


def _draw_paper(axes: Axes, y: float, paper: float | None) -> None:
    """The paper's figure, in per cent."""
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
    _legend(figure, axes, fewest=1)
    _settle(figure)

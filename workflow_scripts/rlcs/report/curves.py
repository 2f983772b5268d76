"""Figures of the trainers' logs over steps, with a line per training and a band over its seeds."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlcs.report.figure_style import LINE_STYLES, MUTED, PALETTE, WIDTH, add_legend, new_figure
from rlcs.training.watch import INDEPENDENT, TRAINING

TITLES = {
    "reward": "Training reward",
    "completions/mean_length": "Completion length (tokens)",
    "entropy": "Entropy (nats per token)",
    "kl": "KL to the reference model",
    "loss": "Loss",
    "eval_loss": "Loss on held-out pairs",
    "mean_token_accuracy": "Accuracy of the next token",
    "accuracy": "Accuracy on training pairs",
    "rewards/accuracies": "DPO: pairs whose preferred story gains more (share)",
    "rewards/margins": "DPO: gain of the preferred story over the other (nats, times beta)",
    "margin": "Margin between the two rewards",
    "reward_std": "Standard deviation of the reward",
    "completions/clipped_ratio": "Truncated completions (share)",
    "stories/distinct_2": "Diversity (distinct-2)",
    "diversity/contribution": "What a story adds to its group (mean)",
    "diversity/quality": "Training reward without the bonus",
    "stories/repeated": "Repeated word 4-grams (share)",
    "stories/formatted": "Lines with Markdown (share)",
    TRAINING: "Wins over the start, the reward's judge",
    INDEPENDENT: "Wins over the start, another judge",
    "eval_reward": "Alignment: reward on validation pairs",
    "eval_accuracy": "Alignment: accuracy on validation pairs",
    "label_probability": "Probability of the label",
    "rewards/evidence/mean": "Evidence that the teacher states too (ROUGE-L)",
    "frac_reward_zero_std": "Groups without variance (share)",
    "constraints/satisfied": "Satisfied constraints (share)",
    "constraints/violators_rewarded": "Rewarded stories that violate a constraint",
    "judge/unparsed": "Unparsed judgements (share)",
    "judge/failed": "Failed judgements (share)",
    "judge/inconsistent": "Comparisons whose orders disagree (share)",
    "judge/skew": "Skew of the groups (mean |sum of rewards| / size)",
}
CELLS = {
    "shaping/confident_correct": "confident, correct",
    "shaping/confident_wrong": "confident, wrong",
    "shaping/uncertain_correct": "uncertain, correct",
    "shaping/uncertain_wrong": "uncertain, wrong",
}
PANEL = (4.0, 2.7)  # inches
SMOOTHED_FROM = 20  # logged points; with fewer, every point is drawn and none is averaged

Histories = Mapping[str, Mapping[int, pd.DataFrame]]
"""Name of a training -> seed -> rows of HISTORY."""


def select_logged(histories: Histories, metrics: Sequence[str]) -> list[str]:
    """Select the metrics that at least one history has, in the order of ``metrics``."""
    logged = {name for seeds in histories.values() for frame in seeds.values() for name in frame["metric"]}
    return [metric for metric in metrics if metric in logged]


def align_seeds(seeds: Mapping[int, pd.DataFrame], metric: str) -> pd.DataFrame:
    """Arrange one metric with a row per step and a column per seed.

    If a step was logged twice, by a run that was killed and resumed, its last value counts.
    """
    columns = {}
    for seed, history in seeds.items():
        rows = history[history["metric"] == metric]
        columns[seed] = rows.drop_duplicates("step", keep="last").set_index("step")["value"]
    return pd.DataFrame(columns).sort_index().dropna(how="all")


def plot_metric(histories: Histories, metric: str) -> Figure:
    """Plot one metric of several trainings in one panel."""
    with new_figure(*PANEL) as figure:
        axes = figure.subplots()
        _draw_curves(axes, histories, metric)
        # the panels of all metrics end with the longest training
        last = max(int(frame["step"].max()) for seeds in histories.values() for frame in seeds.values())
        axes.set_xlim(0, 1.02 * last)
        axes.set_xlabel("step")
        add_legend(figure, axes, min_labels=1)
    return figure


def plot_entropy_cells(histories: Histories) -> Figure:
    """Plot the shares of the four cells of ``advantages.cells`` over steps as a stack; means over the seeds.

    A panel is one training.

    Raises:
        ValueError: a training logged no cells.
    """
    logged = {name: _cell_shares(name, seeds) for name, seeds in histories.items()}
    colors = (PALETTE[0], PALETTE[1], PALETTE[5], PALETTE[4])
    columns = min(2, len(logged))
    rows = -(-len(logged) // columns)
    with new_figure(PANEL[0] * columns, PANEL[1] * rows) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, (name, shares) in zip(panels, logged.items(), strict=False):
            stacked = [100 * _smooth(shares[[metric]])[metric] for metric in CELLS]
            axes.stackplot(
                shares.index, stacked, labels=list(CELLS.values()), colors=colors, alpha=0.85, linewidth=0
            )
            axes.set_title(name)
            axes.set_ylim(0, 100)
            axes.set_ylabel("samples, %")
            axes.set_xlabel("step")
            axes.margins(x=0)
        for axes in panels[len(logged) :]:
            axes.set_visible(False)
        add_legend(figure, panels[0])
    return figure


def _cell_shares(name: str, seeds: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    shares = {metric: align_seeds(seeds, metric).mean(axis=1) for metric in CELLS}
    if any(values.empty for values in shares.values()):
        raise ValueError(f"{name} logged no shares of cells: its shaping is uniform")
    return pd.DataFrame(shares)


def plot_nothing() -> Figure:
    """Plot that nothing was logged, for a figure that Snakemake's report promises."""
    with new_figure(WIDTH, 1.0) as figure:
        figure.text(0.5, 0.5, "nothing was logged", ha="center", va="center")
    return figure


def plot_metrics(histories: Histories, metrics: Sequence[str]) -> Figure:
    """Plot small multiples with a common step axis, a panel per metric; metrics without values are left out.

    A line is one training: the running mean of its logged values over a tenth of the points. With one seed
    the logged values are drawn faintly behind the line. With several seeds the line is the mean of the seeds,
    and the band reaches from the lowest seed to the highest. The band of a win rate with one seed is its
    interval; its title has the number of contexts, and ½ is marked.

    Raises:
        ValueError: no history has any of the metrics.
    """
    shown = select_logged(histories, metrics)
    if not shown:
        raise ValueError(f"none of the metrics {list(metrics)} was logged by {list(histories)}")
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    with new_figure(WIDTH * (1 if columns == 1 else 1.7), 2.2 * rows + 0.4) as figure:
        panels = figure.subplots(rows, columns, sharex=True, squeeze=False).flatten()
        for axes, metric in zip(panels, shown, strict=False):
            _draw_curves(axes, histories, metric)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        for axes in panels[max(0, len(shown) - columns) : len(shown)]:  # the lowest panel of each column
            axes.set_xlabel("step")
            axes.tick_params(labelbottom=True)
        add_legend(figure, *panels[: len(shown)])
    return figure


def _smooth(logged: pd.DataFrame) -> pd.DataFrame:
    """Running mean over a tenth of the points; few points stay as they are."""
    window = 1 if len(logged) < SMOOTHED_FROM else max(3, len(logged) // 10)
    return logged.rolling(window, center=True, min_periods=1).mean()


def _count_label(histories: Histories, metric: str) -> str:
    """The number of contexts of a win rate, to stand behind its title; empty for other metrics."""
    frames = [frame for seeds in histories.values() for frame in seeds.values()]
    counts = {int(n) for frame in frames for n in frame[frame["metric"] == f"{metric}_n"]["value"]}
    if not counts:
        return ""
    return f" (n = {min(counts)})" if len(counts) == 1 else f" (n = {min(counts)} to {max(counts)})"


def _draw_curves(axes: Axes, histories: Histories, metric: str) -> None:
    shown = []
    for position, (name, seeds) in enumerate(histories.items()):
        logged = align_seeds(seeds, metric)
        if logged.empty:
            continue
        shown.append(logged)
        color = PALETTE[position % len(PALETTE)]
        few = len(logged) < SMOOTHED_FROM
        smooth = _smooth(logged)
        if logged.shape[1] > 1:
            band = (smooth.min(axis=1), smooth.max(axis=1))
            axes.fill_between(smooth.index, *band, color=color, alpha=0.18, linewidth=0)
        elif metric in (INDEPENDENT, TRAINING):
            low, high = (align_seeds(seeds, f"{metric}_{end}").iloc[:, 0] for end in ("low", "high"))
            axes.fill_between(low.index, low, high, color=color, alpha=0.12, linewidth=0)
        elif not few:
            axes.plot(logged.index, logged, color=color, alpha=0.3, linewidth=0.8)
        axes.plot(
            smooth.index,
            smooth.mean(axis=1),
            color=color,
            linestyle=LINE_STYLES[position // len(PALETTE) % len(LINE_STYLES)],
            linewidth=1.8,
            label=name,
            marker="o" if few else None,
            markersize=3.5,
        )
    if shown and not any(logged.to_numpy().any() for logged in shown):
        axes.set_ylim(0, 1)  # a share that is always 0
    if metric in (INDEPENDENT, TRAINING):
        axes.set_ylim(0, 1)
        axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_title(TITLES.get(metric, metric) + _count_label(histories, metric))
    axes.grid(axis="y")
    axes.locator_params(axis="y", nbins=5)

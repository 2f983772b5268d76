import pandas as pd
import pytest

from rlcs.evaluation.statistics import Estimate
from rlcs.report import captions, curves, figure_style, figures
from rlcs.training.watch import INDEPENDENT, TRAINING


def history(values, metric="reward", start=1):
    return pd.DataFrame(
        {"step": range(start, start + len(values)), "metric": metric, "value": [float(v) for v in values]}
    )


def alignment_frame():
    rows = [
        {"system": "genrm", "accuracy": Estimate(0.7, 0.65, 0.75, 100), "paper": 68.0},
        {"system": "length only", "accuracy": Estimate(0.55, 0.5, 0.6, 100), "paper": None},
    ]
    return pd.DataFrame(rows, dtype=object)


def win_rate_frame():
    rows = [
        {"policy": policy, "reference": "sft", "judge": judge, "win_rate": rate, "paper": None}
        for judge in ("oracle", "genrm")
        for policy, rate in (("sft", None), ("rlcs", Estimate(0.8, 0.7, 0.9, 50)))
    ]
    return pd.DataFrame(rows, dtype=object)


def gain_frame():
    rows = [
        {"judge": judge, "accuracy": Estimate(x, x - 0.1, x + 0.1, 9), "win_rate": Estimate(y, y, y, 9)}
        for judge, x, y in (("bt", 0.6, 0.7), ("genrm", 0.7, 0.8), ("mute", float("nan"), 0.5))
    ]
    return pd.DataFrame(rows, dtype=object)


def matrix_frame(won=0.75):
    cells = {("sft", "rlcs"): 1 - won, ("rlcs", "sft"): won}
    rows = [
        {"judge": judge, "policy": a, "opponent": b, "win_rate": Estimate(v, v, v, 9)}
        for judge in ("oracle", "bt")
        for (a, b), v in cells.items()
    ]
    return pd.DataFrame(rows, dtype=object)


def position_frame():
    row = {"system": "genrm", "preferred_first": Estimate(0.8, 0.7, 0.9, 9)}
    return pd.DataFrame([row | {"preferred_second": Estimate(0.6, 0.5, 0.7, 9)}], dtype=object)


def sweep_frame():
    def estimate(value):
        return Estimate(value, value - 0.1, value + 0.1, 9)

    rows = [
        ("BT", "bt-100", 100, estimate(0.6)),
        ("BT", "bt-2000", 2000, estimate(0.7)),
        ("GenRM", "genrm-400", 400, estimate(0.75)),
        ("GenRM", "mute", 900, None),
        (None, "people", None, estimate(0.8)),
    ]
    return pd.DataFrame(rows, columns=["series", "system", "human_labels", "accuracy"], dtype=object)


def cell_history():
    shares = dict(zip(curves.CELLS, (0.3, 0.2, 0.4, 0.1), strict=True))
    return pd.concat([history([share] * 30, cell) for cell, share in shares.items()])


BUILDERS = {
    "curves": lambda: curves.plot_metrics(
        {"m": {0: history(range(40))}, "n": {0: history([1, 2])}}, ["reward"]
    ),
    "curve": lambda: curves.plot_metric({"m": {0: history([1, 2]), 1: history([3, 4])}}, "reward"),
    "cells": lambda: curves.plot_entropy_cells({"m": {0: cell_history(), 1: cell_history()}}),
    "matrix": lambda: figures.plot_win_rate_matrix(matrix_frame(), "oracle"),
    "position": lambda: figures.plot_position_bias(position_frame()),
    "alignment": lambda: figures.plot_alignment(alignment_frame()),
    "gains": lambda: figures.plot_gains(gain_frame()),
    "sweep": lambda: figures.plot_sweep(
        sweep_frame(), "human_labels", "accuracy", label="labels", log_x=True
    ),
    "win rates": lambda: figures.plot_win_rates(win_rate_frame()),
}


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_same_numbers_give_the_same_bytes(build):
    figure = build()
    first = figure_style.to_svg(figure)
    assert figure_style.to_svg(figure) == first
    assert figure_style.to_svg(build()) == first
    assert "<dc:date>" not in first


def test_curve_keeps_the_last_value_of_a_step_that_was_logged_twice():
    resumed = pd.concat([history([1.0, 2.0, 3.0]), history([5.0, 6.0], start=2)])
    assert curves.align_seeds({0: resumed}, "reward")[0].to_dict() == {1: 1.0, 2: 5.0, 3: 6.0}


def test_curve_aligns_seeds_by_step():
    values = curves.align_seeds({0: history([1.0, 2.0]), 7: history([4.0], start=2)}, "reward")
    assert values.index.tolist() == [1, 2]
    assert pd.isna(values.loc[1, 7])
    assert values.loc[2].tolist() == [2.0, 4.0]


def test_metrics_that_nobody_logged_get_no_panel():
    histories = {"m": {0: pd.concat([history([1, 2]), history([1, 2], "kl")])}}
    assert curves.select_logged(histories, ["kl", "entropy", "reward"]) == ["kl", "reward"]
    figure = curves.plot_metrics(histories, ["kl", "entropy", "reward"])
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert titles == [curves.TITLES["kl"], curves.TITLES["reward"]]


def test_no_metric_at_all_is_an_error_that_names_them():
    with pytest.raises(ValueError, match=r"entropy.*genrm"):
        curves.plot_metrics({"genrm": {0: history([1])}}, ["entropy"])


def test_several_seeds_give_their_mean_and_a_band():
    figure = curves.plot_metric({"m": {0: history([1, 2]), 1: history([3, 6])}}, "reward")
    (axes,) = figure.axes
    (line,) = axes.get_lines()
    assert line.get_ydata().tolist() == [2.0, 4.0]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.0, 6.0)


@pytest.mark.parametrize("metric", [INDEPENDENT, TRAINING])
def test_a_win_rate_has_its_interval_its_number_of_contexts_and_a_half(metric):
    ends = {"": [0.5, 0.8], "_low": [0.4, 0.7], "_high": [0.6, 0.9], "_n": [50, 48]}
    frame = pd.concat([history(values, metric + end) for end, values in ends.items()])
    (axes,) = curves.plot_metric({"rlcs": {0: frame}}, metric).axes
    line, half = axes.get_lines()
    assert (line.get_label(), line.get_ydata().tolist()) == ("rlcs", [0.5, 0.8])
    assert axes.get_title(loc="left") == f"{curves.TITLES[metric]} (n = 48 to 50)"
    assert half.get_ydata() == [0.5, 0.5]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.4, 0.9)
    assert axes.get_ylim() == (0, 1)
    assert "the training reward hovers around zero" in captions.FIGURES["policies"].text


def test_a_model_keeps_its_colour_where_another_lacks_the_metric():
    histories = {"a": {0: history([1, 2], "loss")}, "b": {0: history([1, 2])}}
    (line,) = curves.plot_metric(histories, "reward").axes[0].get_lines()
    assert line.get_color() == figure_style.PALETTE[1]


def test_forest_plot_shows_estimates_and_the_papers_figure_apart():
    (axes,) = figures.plot_alignment(alignment_frame()).axes
    markers = {line.get_marker(): line for line in axes.get_lines() if line.get_marker() != "None"}
    points = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "o"]
    assert points == pytest.approx([70.0, 55.0])
    assert markers["D"].get_xdata()[0] == 68.0
    assert markers["D"].get_markerfacecolor() == "none"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["genrm", "length only"]


def test_win_rate_figure_leaves_the_reference_out():
    (axes,) = figures.plot_win_rates(win_rate_frame()).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["rlcs"]
    low, high = axes.get_xlim()
    assert low < 50 < high


def test_panels_of_one_figure_share_the_axis_of_steps():
    histories = {"long": {0: history(range(100))}, "short": {0: history([1, 2], "kl")}}
    limits = [curves.plot_metric(histories, metric).axes[0].get_xlim() for metric in ("reward", "kl")]
    assert limits[0] == limits[1]
    assert limits[0][1] > 100


def test_cells_are_stacked_to_all_samples():
    shaped = {"m": {0: cell_history()}, "n": {1: cell_history()}}
    axes, other = curves.plot_entropy_cells(shaped).axes
    assert [panel.get_title(loc="left") for panel in (axes, other)] == ["m", "n"]
    tops = [collection.get_paths()[0].vertices[:, 1].max() for collection in axes.collections]
    assert tops == pytest.approx([30, 50, 90, 100])
    with pytest.raises(ValueError, match="uniform"):
        curves.plot_entropy_cells(shaped | {"o": {0: history([1, 2])}})


@pytest.mark.parametrize(("won", "texts"), [(0.75, ["25", "75"]), (float("nan"), ["–", "–"])])
def test_the_matrix_tells_the_rows_wins_by_one_judge(won, texts):
    (axes,) = figures.plot_win_rate_matrix(matrix_frame(won), "bt").axes
    assert [text.get_text() for text in axes.texts] == texts
    assert [label.get_text() for label in axes.get_yticklabels()] == ["sft", "rlcs"]


def test_position_bias_shows_both_places():
    (axes,) = figures.plot_position_bias(position_frame()).axes
    points = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "o"]
    assert points == pytest.approx([80, 60])


def test_a_sweep_has_a_line_per_series_with_intervals_and_a_horizontal_one_per_other_row():
    (axes,) = BUILDERS["sweep"]().axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["BT"].get_xdata().tolist() == [100, 2000]
    assert lines["BT"].get_ydata().tolist() == pytest.approx([60, 70])
    assert lines["GenRM"].get_xdata().tolist() == [400]  # a judge without a value is left out
    assert lines["people"].get_ydata() == pytest.approx([80, 80])
    drawn = [segment for bars in axes.collections for segment in bars.get_segments()]
    assert [segment[:, 1].tolist() for segment in drawn] == [
        pytest.approx(ends) for ends in ([50, 70], [60, 80], [65, 85])
    ]
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["100", "400", "2,000"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("labels", "accuracy %")


def test_a_sweep_of_judges_without_any_value_is_empty_and_no_crash():
    frame = sweep_frame().assign(accuracy=None)
    (axes,) = figures.plot_sweep(frame, "human_labels", "accuracy", label="labels", log_x=True).axes
    assert list(axes.get_lines()) == []

"""The look of all figures, and SVG with the same bytes for the same numbers.

Figures are built without pyplot, so that nothing global changes. Only the colours named here occur; the HTML
page replaces them by its own, so that a figure follows dark mode.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1c1d20", "#6b6f76", "#dfe1e5", "#fefefe"
# Okabe and Ito's palette for colour-blind readers, without its yellow and black
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LINE_STYLES = ("-", "--", ":")
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


@contextmanager
def style() -> Iterator[None]:
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]  # the stub lists every key as a literal
        yield


def settle(figure: Figure) -> None:
    """Lay the figure out once and for all: laid out anew at each save, positions and bytes would drift."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def to_svg(figure: Figure) -> str:
    """The figure as SVG; no date and a fixed salt, so equal figures give equal bytes."""
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def legend(figure: Figure, *panels: Axes, fewest: int = 2) -> None:
    """One legend above all panels, each label once; none where there are fewer than ``fewest`` labels."""
    lines: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            lines.setdefault(label, handle)
    if len(lines) >= fewest:
        columns = min(len(lines), 4 if len(panels) > 1 else 3 if figure.get_figwidth() >= WIDTH else 2)
        figure.legend(lines.values(), lines.keys(), loc="outside upper left", ncols=columns)

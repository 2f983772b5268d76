"""Style of all figures, and SVG whose bytes are the same for the same numbers.

Figures are built without pyplot, so that no global state changes. They use only the colors named here. The
HTML page replaces these by its own colors, so that a figure follows dark mode.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1c1d20", "#6b6f76", "#dfe1e5", "#fefefe"
# Okabe and Ito's palette for color-blind readers, without its yellow and black
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LINE_STYLES = ("-", "--", ":")
WIDTH = 5.0  # inches; readable on a phone when the page scales it down
_STYLE: dict[Any, Any] = {  # Any, since matplotlib's stub lists every key as a literal
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
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """Draw a figure of so many inches, in the style of this module, inside the ``with`` block.

    It is laid out once, at the end: a new layout at each save would shift positions and change bytes.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def to_svg(figure: Figure) -> str:
    """Convert the figure to SVG; without a date and with a fixed salt, equal figures have equal bytes."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def write_svg(figure: Figure, folder: Path, name: str) -> None:
    """Write the figure as ``name``.svg into ``folder``."""
    (folder / f"{name}.svg").write_text(to_svg(figure), encoding="utf-8")


def add_legend(figure: Figure, *panels: Axes, min_labels: int = 2) -> None:
    """Add one legend above all panels, each label once, if there are at least ``min_labels`` labels."""
    lines: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            lines.setdefault(label, handle)
    if len(lines) >= min_labels:
        columns = min(len(lines), 4 if len(panels) > 1 else 3 if figure.get_figwidth() >= WIDTH else 2)
        figure.legend(lines.values(), lines.keys(), loc="outside upper left", ncols=columns)

"""Formats of a table's numbers, and its files: Markdown, CSV and LaTeX.

A frame holds raw values under short names: ``Estimate``, float, int, str or None. ``columns.COLUMNS`` has the
title, format and meaning of each name, for the files and for the HTML page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rlcs.evaluation.statistics import Estimate
from rlcs.report.captions import SYNTHETIC, TABLES
from rlcs.report.columns import Format, get_column

FLIP_LIMIT = 0.15  # Design choice: a flip rate above it is flagged
DASH = "–"
FAILED = "does not hold"  # a claim of the papers, by `effects.effects_table`
_DIGITS: dict[Format, str] = {  # z: what is rounded to zero has no minus
    "share": "z.1f",
    "flips": "z.1f",
    "difference": "+z.1f",
    "points": "+z.0f",
    "tenths": "z.1f",
    "p": "z.3f",
    "count": "z,.0f",
    "distinct": "z.3f",
}
# pandas escapes neither captions nor "<" and ">"
_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "–": "--"}
)


@dataclass(frozen=True)
class Cell:
    """A formatted value and its interval, which the page prints in smaller type."""

    text: str
    interval: str = ""

    @property
    def flagged(self) -> bool:
        """True if the reader should look into it: a value beyond its limit, or a claim that does not hold."""
        return self.text.endswith(" !") or self.text.startswith("! ") or self.text == FAILED

    def __str__(self) -> str:
        return f"{self.text} {self.interval}".rstrip()


def format_cell(value: Any, format: Format) -> Cell:
    """Format one value; None and NaN become a dash, text stays as it is."""
    if isinstance(value, Estimate):
        if pd.isna(value.value):
            return Cell(DASH)
        if pd.isna(value.low):
            return Cell(_number(value.value, format))
        low, high = (_number(bound, format, bound=True) for bound in (value.low, value.high))
        return Cell(_number(value.value, format), f"[{low}, {high}]")
    if isinstance(value, str):
        return Cell(value)
    if value is None or pd.isna(value):
        return Cell(DASH)
    if isinstance(value, int) and format in ("count", "number", "text"):
        return Cell(f"{value:,}")
    return Cell(_number(float(value), format))


def _number(value: float, format: Format, *, bound: bool = False) -> str:
    if format == "p" and value < 0.001:
        return "<0.001"
    shown = 100 * value if format in ("share", "flips", "difference") else value
    flag = " !" if format == "flips" and value > FLIP_LIMIT and not bound else ""
    return f"{shown:{_DIGITS.get(format, 'z.2f')}}{flag}"


def format_rows(frame: pd.DataFrame) -> list[list[Cell]]:
    """Format the values of each row."""
    formats = [get_column(str(name)).format for name in frame.columns]
    return [
        [format_cell(value, format) for value, format in zip(row, formats, strict=True)]
        for row in frame.astype(object).itertuples(index=False, name=None)
    ]


def mark_synthetic(caption: str, synthetic: bool, mark: str = SYNTHETIC) -> str:
    """Begin the caption with a note if the data are synthetic."""
    return f"{mark}: {caption}" if synthetic else caption


def format_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Format the frame as strings under the titles of its columns."""
    titles = [get_column(str(name)).title for name in frame.columns]
    return pd.DataFrame(
        [[str(value) for value in row] for row in format_rows(frame)], columns=titles, dtype=object
    )


def to_markdown(frame: pd.DataFrame, caption: str) -> str:
    """Convert the frame to Markdown: the caption and a pipe table."""
    shown = format_frame(frame).map(lambda text: text.replace("|", r"\|").replace("\n", " "))
    sides = ["left" if get_column(str(name)).is_text else "right" for name in frame.columns]
    table = shown.to_markdown(index=False, disable_numparse=True, colalign=sides)
    return f"{caption}\n\n{table}\n"


def to_raw(frame: pd.DataFrame) -> pd.DataFrame:
    """Split each column of estimates in four: value (under its own name), ``_low``, ``_high`` and ``_n``."""
    raw: dict[str, list[Any]] = {}
    for name in map(str, frame.columns):
        values = list(frame[name])
        if not any(isinstance(value, Estimate) for value in values):
            raw[name] = values
            continue
        for suffix, attribute in (("", "value"), ("_low", "low"), ("_high", "high"), ("_n", "n")):
            parts = [getattr(value, attribute) if isinstance(value, Estimate) else None for value in values]
            raw[name + suffix] = parts
    return pd.DataFrame(raw, dtype=object)


def to_latex(frame: pd.DataFrame, name: str, caption: str) -> str:
    """Convert the frame to a booktabs table with the label ``tab:name`` and escaped text."""
    shown = format_frame(frame).map(_escape)
    shown.columns = pd.Index([_escape(str(title)) for title in shown.columns])
    sides = "".join("l" if get_column(str(title)).is_text else "r" for title in frame.columns)
    return shown.to_latex(
        index=False, escape=False, column_format=sides, caption=_escape(caption), label=f"tab:{name}"
    )


def _escape(text: str) -> str:
    return text.translate(_LATEX)


def write_table(
    frame: pd.DataFrame, folder: Path, name: str, caption: str, synthetic: bool, mark: str = SYNTHETIC
) -> None:
    """Write ``name``.md, ``name``.csv (raw numbers) and ``name``.tex (booktabs) into ``folder``."""
    caption = mark_synthetic(caption, synthetic, mark)
    (folder / f"{name}.md").write_text(to_markdown(frame, caption), encoding="utf-8")
    (folder / f"{name}.tex").write_text(to_latex(frame, name, caption), encoding="utf-8")
    to_raw(frame).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path, synthetic: bool) -> None:
    """Write each table with its caption in ``captions.TABLES``."""
    for name, frame in tables.items():
        write_table(frame, folder, name, TABLES[name].text, synthetic, TABLES[name].mark)


def read_table(path: Path) -> pd.DataFrame:
    """Read the CSV of ``write_table`` back into a frame with estimates."""
    raw = pd.read_csv(path).astype(object)
    frame: dict[str, list[Any]] = {}
    for name in map(str, raw.columns):
        if f"{name}_low" in raw:
            parts = raw[[name, f"{name}_low", f"{name}_high", f"{name}_n"]].itertuples(index=False, name=None)
            frame[name] = [
                None if pd.isna(n) else Estimate(value, low, high, int(n)) for value, low, high, n in parts
            ]
        elif not any(f"{other}_{suffix}" == name for other in frame for suffix in ("low", "high", "n")):
            frame[name] = [None if pd.isna(value) else value for value in raw[name]]
    return pd.DataFrame(frame, dtype=object)

"""The page that a person opens first: one self-contained HTML file (``pages``).

Only the SVG of our own figures goes in as markup.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import markupsafe
import pandas as pd

from rlcs.evaluation.alignment import BASELINES
from rlcs.evaluation.statistics import Estimate
from rlcs.report import captions, figure_style
from rlcs.report.columns import Column, column
from rlcs.report.formatting import FLIP_LIMIT, Cell, cell, cells, full_caption
from rlcs.report.html import fill
from rlcs.report.samples import Sample

PAGE_COLORS = {
    figure_style.INK: "ink",
    figure_style.MUTED: "muted",
    figure_style.GRID: "grid",
    figure_style.PAPER: "paper",
    **{color: f"data-{number}" for number, color in enumerate(figure_style.PALETTE)},
}


@dataclass(frozen=True)
class Headline:
    """A number that the page begins with: a share with its interval, and the paper's figure in per cent."""

    label: str
    estimate: Estimate
    note: str = ""
    paper: float | None = None

    @property
    def value(self) -> Cell:
        return cell(self.estimate, "share")


@dataclass(frozen=True)
class ReportTable:
    """A frame of ``rlcs.tables``, shown with its formats; folded, it is opened by its title."""

    title: str
    caption: str
    frame: pd.DataFrame
    folded: bool = False

    @property
    def columns(self) -> list[Column]:
        return [column(str(name)) for name in self.frame.columns]

    @property
    def rows(self) -> list[list[Cell]]:
        return cells(self.frame)


@dataclass(frozen=True)
class ReportFigure:
    """One or several SVGs (panels) under one caption."""

    title: str
    caption: str
    panels: Sequence[str]


@dataclass(frozen=True)
class Section:
    """Figures and tables under one heading."""

    name: str
    title: str
    caption: str
    figures: Sequence[ReportFigure] = ()
    tables: Sequence[ReportTable] = ()


@dataclass(frozen=True)
class Note:
    """A sentence that the page begins with; flagged, it is something to look into."""

    text: str
    flagged: bool = False


@dataclass(frozen=True)
class ReportData:
    """Everything on the page.

    ``facts`` (data, machines, versions...) map a heading to names and values; ``work`` are the tables of
    models and stages that stand beside them.
    """

    run: str
    synthetic: bool
    headlines: Sequence[Headline]
    sections: Sequence[Section]
    notes: Sequence[Note] = ()
    samples: Sequence[Sample] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    work: Sequence[ReportTable] = ()


def render(report: ReportData) -> str:
    """The page as HTML."""
    numbers = count()
    svgs = {
        (section.name, figure.title): [inline_svg(panel, f"f{next(numbers)}-") for panel in figure.panels]
        for section in report.sections
        for figure in section.figures
    }
    return fill("report.html.j2", report=report, svgs=svgs, full_caption=full_caption)


def sections(tables: Mapping[str, pd.DataFrame], panels: Mapping[str, Sequence[str]]) -> list[Section]:
    """Tables and figures, by name, in the sections and under the captions of ``captions``."""
    made = [
        Section(
            name,
            *title,
            figures=[
                ReportFigure(caption.title, caption.text, panels[figure])
                for figure, caption in captions.FIGURES.items()
                if caption.section == name and panels.get(figure)
            ],
            tables=[
                ReportTable(caption.title, caption.text, tables[table], caption.folded)
                for table, caption in captions.TABLES.items()
                if caption.section == name and table in tables
            ],
        )
        for name, title in captions.SECTIONS.items()
    ]
    return [section for section in made if section.figures or section.tables]


UNPARSED_LIMIT = 0.05  # our choice: above it a judge's figures rest on a part of the pairs


def notes(tables: Mapping[str, pd.DataFrame], quarantined: int, rows: int) -> list[Note]:
    """What to look into first, from what the run measured, or that there is nothing."""
    judges = tables["alignment"].to_dict("records")
    found = [
        Note(f"{judge['system']}: {share.value:.1%} {what} (limit {limit:.0%})", flagged=True)
        for judge in judges
        for share, limit, what in (
            (judge["flip_rate"], FLIP_LIMIT, "of its verdicts flip with the order"),
            (judge["unparsed"], UNPARSED_LIMIT, "of its judgements could not be read"),
        )
        if isinstance(share, Estimate) and share.value > limit
    ]
    signs = tables["diagnostics"].to_dict("records") if "diagnostics" in tables else []
    flagged = [sign for sign in signs if sign["flag"] is not None]
    found += [
        Note(f"{sign['training']}: {sign['sign']}, {sign['reached']:.3g} (limit {sign['limit']:g})", True)
        for sign in flagged
    ]
    if signs and not flagged:
        found.append(Note(f"No sign of collapse in {len({sign['training'] for sign in signs})} trainings"))
    if "effects" in tables:
        answers = Counter(tables["effects"]["holds"])
        held = f"{answers['holds']} of {answers.total()} claims of the papers hold"
        found.append(Note(held, flagged=answers["holds"] < answers.total()))
    if quarantined:
        found.append(Note(f"{quarantined:,} of {rows:,} rows of the data could not be used"))
    return found


def inline_svg(svg: str, prefix: str) -> markupsafe.Markup:
    """An SVG file of ``rlcs.figure_style`` as part of a page.

    Ids get a prefix (two figures must not share one), colours become the page's variables, and the fixed
    size gives way to the view box.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) xmlns:xlink="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) xmlns="[^"]*"', r"\1", body, count=1)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r'\bid="', f'id="{prefix}', body)
    body = re.sub(r'href="#', f'href="#{prefix}', body)
    body = body.replace("url(#", f"url(#{prefix}")
    for color, variable in PAGE_COLORS.items():
        body = body.replace(color, f"var(--{variable})")
    return markupsafe.Markup(body)  # our own figures; their texts were escaped by matplotlib


def headlines(alignment: pd.DataFrame, win_rates: pd.DataFrame) -> list[Headline]:
    """The last judge of the alignment table, then every policy against the reference by the first judge."""
    judge = alignment[~alignment["system"].isin(BASELINES)].iloc[-1]
    found = [
        Headline(
            label=f"{judge['system']} agrees with the label",
            estimate=judge["accuracy"],
            note=f"on {judge['accuracy'].n:,} held-out pairs, both orders",
            paper=_number(judge["paper"]),
        )
    ]
    first_judge = win_rates["judge"].iloc[0]
    for row in win_rates[win_rates["judge"] == first_judge].to_dict("records"):
        if row["win_rate"] is not None:
            label = f"{row['policy']} wins against {row['reference']}"
            note = f"judged by {row['judge']} in {row['win_rate'].n:,} held-out matches, both orders"
            found.append(Headline(label, row["win_rate"], note, _number(row["paper"])))
    return found


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[call-overload, arg-type]

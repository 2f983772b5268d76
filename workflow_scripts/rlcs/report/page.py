"""The report page, one self-contained HTML file (``html``).

Only the SVG of our own figures enters as markup.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import markupsafe
import pandas as pd

from rlcs.data.lost_update import LOST_LIMIT
from rlcs.evaluation.statistics import Estimate
from rlcs.records import BASELINES
from rlcs.report import captions, figure_style
from rlcs.report.columns import Column, get_column
from rlcs.report.flags import SILENT_LIMIT, flag_injections, flag_judges, flag_policies
from rlcs.report.formatting import FLIP_LIMIT, Cell, format_cell, format_rows, mark_synthetic
from rlcs.report.html import fill_template
from rlcs.report.provenance import ArtifactRecord
from rlcs.report.samples import SampleContext

PAGE_COLORS = {
    figure_style.INK: "ink",
    figure_style.MUTED: "muted",
    figure_style.GRID: "grid",
    figure_style.PAPER: "paper",
    **{color: f"data-{number}" for number, color in enumerate(figure_style.PALETTE)},
}


@dataclass(frozen=True)
class Headline:
    """A number at the top of the page: a share with its interval, and the paper's number in per cent."""

    label: str
    estimate: Estimate
    note: str = ""
    paper: float | None = None

    @property
    def value(self) -> Cell:
        return format_cell(self.estimate, "share")


@dataclass(frozen=True)
class ReportTable:
    """A frame with short names of columns, shown with their formats; folded, it opens by a click.

    ``name`` is that of its CSV beside the page; without one there is no link.
    """

    title: str
    caption: str
    frame: pd.DataFrame
    folded: bool = False
    name: str = ""
    mark: str = captions.SYNTHETIC

    @property
    def columns(self) -> list[Column]:
        return [get_column(str(name)) for name in self.frame.columns]

    @property
    def rows(self) -> list[list[Cell]]:
        return format_rows(self.frame)


@dataclass(frozen=True)
class ReportFigure:
    """One or several SVGs (panels) under one caption."""

    title: str
    caption: str
    panels: Sequence[str]


@dataclass(frozen=True)
class PageSection:
    """Figures and tables under one heading."""

    name: str
    title: str
    caption: str
    figures: Sequence[ReportFigure] = ()
    tables: Sequence[ReportTable] = ()


@dataclass(frozen=True)
class Note:
    """A sentence at the top of the page; the reader should look into a flagged one."""

    text: str
    flagged: bool = False


@dataclass(frozen=True)
class ReportData:
    """Everything on the page.

    ``facts`` map a heading (data, machines, versions) to names and values. ``work`` are the tables of models
    and stages beside them. ``failed`` are claims that do not hold (``flags.failed_claims``). A run of judges
    alone has no policies, and so no gallery.
    """

    run: str
    synthetic: bool
    has_policies: bool
    headlines: Sequence[Headline]
    sections: Sequence[PageSection]
    notes: Sequence[Note] = ()
    samples: Sequence[SampleContext] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    work: Sequence[ReportTable] = ()
    rehearsal: bool = False
    failed: Sequence[str] = ()

    @property
    def flagged(self) -> list[str]:
        """The notes that are flagged, the worst first."""
        return [note.text for note in self.notes if note.flagged]


def render_report(report: ReportData) -> str:
    """Render the page as HTML."""
    numbers = count()
    svgs = {
        (section.name, figure.title): [inline_svg(panel, f"f{next(numbers)}-") for panel in figure.panels]
        for section in report.sections
        for figure in section.figures
    }
    return fill_template("report.html.j2", report=report, svgs=svgs, mark_synthetic=mark_synthetic)


def arrange_sections(
    tables: Mapping[str, pd.DataFrame],
    panels: Mapping[str, Sequence[str]],
    figures: Mapping[str, captions.Caption] = captions.FIGURES,
) -> list[PageSection]:
    """Arrange tables and figures, given by name, in the sections of ``captions``, without empty sections.

    Args:
        figures: captions by name.
    """
    result = [
        PageSection(
            name,
            *title,
            figures=[
                ReportFigure(caption.title, caption.text, panels[figure])
                for figure, caption in figures.items()
                if caption.section == name and panels.get(figure)
            ],
            tables=[
                ReportTable(caption.title, caption.text, tables[table], caption.folded, table, caption.mark)
                for table, caption in captions.TABLES.items()
                if caption.section == name and table in tables
            ],
        )
        for name, title in captions.PAGE_SECTIONS.items()
    ]
    return [section for section in result if section.figures or section.tables]


UNPARSED_LIMIT = 0.05  # Design choice: above it a judge's numbers rest on too few of the pairs


def collect_notes(tables: Mapping[str, pd.DataFrame], quarantined: int, rows: int) -> list[Note]:
    """Collect notes on what the reader should look into first.

    Args:
        tables: frames by name; ``alignment`` is required.
        quarantined: rows of the data that could not be used.
        rows: all rows of the data.
    """
    judges = tables["alignment"].to_dict("records")
    worst = flag_policies(tables["win_rates"]) if "win_rates" in tables else []
    worst += flag_judges(tables["alignment"])
    worst += flag_injections(tables["injections"]) if "injections" in tables else []
    result = [Note(flag, flagged=True) for flag in worst]
    result += [
        Note(f"{judge['system']}: {share.value:.1%} {what} (limit {limit:.0%})", flagged=True)
        for judge in judges
        for share, limit, most, what in (
            (judge["flip_rate"], FLIP_LIMIT, 1.0, "of its verdicts flip with the order"),
            # above SILENT_LIMIT it is flagged already
            (judge["unparsed"], UNPARSED_LIMIT, SILENT_LIMIT, "of its judgements could not be read"),
        )
        if isinstance(share, Estimate) and limit < share.value <= most
    ]
    signs = tables["diagnostics"].to_dict("records") if "diagnostics" in tables else []
    flagged = [sign for sign in signs if sign["flag"] is not None]
    result += [
        Note(f"{sign['training']}: {sign['sign']}, {sign['reached']:.3g} (limit {sign['limit']:g})", True)
        for sign in flagged
    ]
    if signs and not flagged:
        result.append(Note(f"No sign of collapse in {len({sign['training'] for sign in signs})} trainings"))
    if "effects" in tables:
        answers = Counter(tables["effects"]["holds"])
        held = f"{answers['holds']} of {answers.total()} claims of the papers hold"
        result.append(Note(held, flagged=answers["holds"] < answers.total()))
    for data in tables["benchmark_data"].to_dict("records") if "benchmark_data" in tables else []:
        if data["same_prompt"] or data["same_story"]:
            result.append(
                Note(
                    f"{data['benchmark']}: of {data['pairs']:,} pairs, {data['same_prompt']:,} have a prompt "
                    f"of the training pairs and {data['same_story']:,} a story",
                    flagged=True,
                )
            )
    if quarantined:
        result.append(Note(f"{quarantined:,} of {rows:,} rows of the data could not be used"))
    return result


def mark_own_judges(frame: pd.DataFrame, own: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Mark the judges of a win-rate table that rewarded the policy of their row, or chose its stories.

    Args:
        own: names of these judges by policy.
    """
    marked = [
        f"{judge} (its own judge)" if judge in own.get(policy, ()) else judge
        for policy, judge in zip(frame["policy"], frame["judge"], strict=True)
    ]
    return frame.assign(judge=marked)


def note_parents(artifacts: Iterable[ArtifactRecord]) -> list[Note]:
    """A note on each training that made its model no better, so that the parent was published."""
    return [
        Note(f"{artifact.name}: {artifact.compared}", flagged=True)
        for artifact in artifacts
        if artifact.compared is not None and artifact.compared.published == "parent"
    ]


def note_lost_updates(artifacts: Iterable[ArtifactRecord]) -> list[Note]:
    """A note on each model that lost more of its training's update to rounding than ``LOST_LIMIT``."""
    return [
        Note(f"{artifact.name}: {artifact.lost} (limit {LOST_LIMIT:.0%})", flagged=True)
        for artifact in artifacts
        if artifact.lost is not None and artifact.lost.is_flagged
    ]


def inline_svg(svg: str, prefix: str) -> markupsafe.Markup:
    """Convert an SVG file of ``figure_style`` to a part of a page.

    Ids get a prefix, because two figures must not share one. Colors become the page's variables. The fixed
    size is dropped, so that the view box scales with the page.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    for attribute in ("width", "height", "xmlns:xlink", "xmlns"):
        body = re.sub(rf'(<svg[^>]*?) {attribute}="[^"]*"', r"\1", body, count=1)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r'\bid="', f'id="{prefix}', body)
    body = re.sub(r'href="#', f'href="#{prefix}', body)
    body = body.replace("url(#", f"url(#{prefix}")
    for color, variable in PAGE_COLORS.items():
        body = body.replace(color, f"var(--{variable})")
    return markupsafe.Markup(body)  # figures by matplotlib, which escapes their text


def collect_headlines(alignment: pd.DataFrame, win_rates: pd.DataFrame | None) -> list[Headline]:
    """Collect the accuracy of the alignment table's last judge, and the win rates by the first judge.

    The accuracy of its p over both orders is a headline too, if there is one and it is another number.

    Args:
        win_rates: None in a run of judges alone.
    """
    judge = alignment[~alignment["system"].isin(BASELINES)].iloc[-1]
    result = [
        Headline(
            label=f"{judge['system']} agrees with the label",
            estimate=judge["accuracy"],
            note=f"on {judge['accuracy'].n:,} held-out pairs, both orders",
            paper=_number(judge["paper"]),
        )
    ]
    both_orders = judge["accuracy_both_orders"]
    if isinstance(both_orders, Estimate) and both_orders != judge["accuracy"]:
        label = f"{judge['system']} agrees with the label by p over both orders"
        result.append(Headline(label, both_orders, f"on {both_orders.n:,} held-out pairs"))
    if win_rates is None:
        return result
    first_judge = win_rates["judge"].iloc[0]
    for row in win_rates[win_rates["judge"] == first_judge].to_dict("records"):
        if row["win_rate"] is not None:
            label = f"{row['policy']} wins against {row['reference']}"
            note = f"judged by {row['judge']} in {row['win_rate'].n:,} held-out matches, both orders"
            result.append(Headline(label, row["win_rate"], note, _number(row["paper"])))
    return result


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[call-overload, arg-type]

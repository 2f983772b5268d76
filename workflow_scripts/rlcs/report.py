"""The page that a person opens first: one self-contained HTML file (``pages``).

Only the SVG of our own figures goes in as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import markupsafe
import pandas as pd

from rlcs import figures
from rlcs.alignment_tables import BASELINES
from rlcs.columns import Column, column
from rlcs.constraints import instruction, satisfied
from rlcs.formatting import Cell, cell, cells, full_caption
from rlcs.pages import fill
from rlcs.records import Context, Judgement
from rlcs.statistics import Estimate

PAGE_COLOURS = {
    figures.INK: "ink",
    figures.MUTED: "muted",
    figures.GRID: "grid",
    figures.PAPER: "paper",
    **{colour: f"data-{number}" for number, colour in enumerate(figures.PALETTE)},
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
    """A frame of ``rlcs.tables``, shown with its formats."""

    title: str
    caption: str
    frame: pd.DataFrame

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
class SampleStory:
    """A policy's story, the constraints that it broke and what a judge said of it."""

    policy: str
    text: str
    cut_off: bool = False
    broken: Sequence[str] = ()
    verdict: str = ""
    analysis: str = ""


@dataclass(frozen=True)
class Sample:
    context: Context
    stories: Sequence[SampleStory]

    @property
    def requirements(self) -> str:
        return "; ".join(instruction(constraint) for constraint in self.context.constraints)


@dataclass(frozen=True)
class ReportData:
    """Everything on the page.

    ``facts`` maps a heading (data, quarantine, models, versions, durations...) to names and values.
    """

    run: str
    synthetic: bool
    headlines: Sequence[Headline]
    tables: Sequence[ReportTable]
    figures: Sequence[ReportFigure] = ()
    samples: Sequence[Sample] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def render(report: ReportData) -> str:
    """The page as HTML."""
    svgs = [
        [inline_svg(panel, prefix=f"f{number}p{part}-") for part, panel in enumerate(figure.panels)]
        for number, figure in enumerate(report.figures)
    ]
    return fill("report.html.j2", report=report, svgs=svgs, full_caption=full_caption)


def inline_svg(svg: str, prefix: str) -> markupsafe.Markup:
    """An SVG file of ``rlcs.figures`` as part of a page.

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
    for colour, variable in PAGE_COLOURS.items():
        body = body.replace(colour, f"var(--{variable})")
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


def choose_samples(
    contexts: Mapping[str, Context],
    stories: Iterable[Mapping[str, Any]],
    matches: Iterable[Mapping[str, Any]],
    judgements: Iterable[Judgement],
    policies: Sequence[str],
    reference: str,
    count: int = 3,
) -> list[Sample]:
    """Stories of the first contexts, by id, that every policy wrote for: nothing is picked by quality.

    ``stories``, ``matches`` and ``judgements`` are those of one seed and one judge. The lowest sample number
    of each context is shown, with the judgement of its match against ``reference`` in order ab.
    """
    texts: dict[tuple[str, str], Mapping[str, Any]] = {}
    for story in sorted(stories, key=_sample_number):
        texts.setdefault((story["context_id"], story["policy"]), story)
    said = {judgement.pair_id: judgement for judgement in judgements if judgement.order == "ab"}
    judged: dict[tuple[str, str], SampleStory] = {}
    for match in sorted(matches, key=_sample_number):
        judgement = said.get(match["match_id"])
        if judgement is not None and reference in (match["policy_a"], match["policy_b"]):
            side = "b" if match["policy_a"] == reference else "a"
            outcome = SampleStory(
                policy=match[f"policy_{side}"],
                text="",
                verdict=_outcome(judgement, side, reference),
                analysis=judgement.analysis or judgement.raw,
            )
            judged.setdefault((match["context_id"], outcome.policy), outcome)
    complete = [name for name in sorted(contexts) if all((name, policy) in texts for policy in policies)]
    return [
        Sample(
            contexts[name],
            [
                replace(
                    judged.get((name, policy), SampleStory(policy, "")),
                    text=texts[name, policy]["text"],
                    cut_off=texts[name, policy]["cut_off"],
                    broken=_broken(contexts[name], texts[name, policy]["text"]),
                )
                for policy in policies
            ],
        )
        for name in complete[:count]
    ]


def _sample_number(row: Mapping[str, Any]) -> int:
    return int(row["sample"])


def _broken(context: Context, text: str) -> list[str]:
    return [instruction(constraint) for constraint in context.constraints if not satisfied(constraint, text)]


def _outcome(judgement: Judgement, side: str, reference: str) -> str:
    """What the verdict means for the story on ``side``, in words."""
    shown = "first" if side == "a" else "second"
    if judgement.verdict == "none":
        words = f"no verdict against {reference}"
    elif judgement.verdict == "tie":
        words = f"ties with {reference}"
    else:
        words = f"{'beats' if judgement.verdict == side else 'loses to'} {reference}"
    return f"{words}, says {judgement.judge} (this story was shown {shown})"

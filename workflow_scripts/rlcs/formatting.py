"""How a table's numbers are shown: column titles and formats, Markdown, CSV and LaTeX.

A frame holds raw values under short names: ``Estimate``, float, int, str or None. ``COLUMNS`` says how each
name is titled, formatted and explained; the same words serve the files and the HTML page.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from rlcs.statistics import Estimate

Format = Literal[
    "text", "count", "share", "flips", "difference", "number", "points", "distinct", "p", "tenths"
]

FLIP_LIMIT = 0.15  # DESIGN section 9: a flip rate above it is flagged
MISSING = "–"
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "–": "--",
    }
)


@dataclass(frozen=True)
class Column:
    """A column's title, the format of its values and what they mean."""

    title: str
    format: Format
    meaning: str = ""

    @property
    def is_text(self) -> bool:
        return self.format == "text"


@dataclass(frozen=True)
class Cell:
    """A formatted value and its interval, which the page sets in smaller type."""

    text: str
    interval: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.interval}".rstrip()


COLUMNS: dict[str, Column] = {
    "system": Column("system", "text"),
    "domain": Column("domain", "text"),
    "policy": Column("policy", "text"),
    "reference": Column("against", "text"),
    "judge": Column("judge", "text"),
    "teacher": Column("teacher", "text"),
    "pairs": Column("pairs", "count"),
    "accuracy": Column(
        "accuracy %",
        "share",
        "Verdicts that are the label, averaged over both orders and the seeds; a tie counts one half. What "
        "could not be judged is left out and counted under unparsed.",
    ),
    "paper": Column(
        "paper %", "tenths", "What the paper states for its own data and models; never part of ours."
    ),
    "claim": Column("claim", "text"),
    "compared": Column("compared", "text"),
    "metric": Column("metric", "text"),
    "expected": Column("expected", "text", "Where the whole interval must lie, in points or per cent."),
    "paper_states": Column("paper", "text", "What the paper states for its own data and models."),
    "reach": Column("reach", "tenths", "The size to reach, whatever the interval."),
    "items": Column("n", "count", "Pairs times seeds, or chains."),
    "effect": Column(
        "effect",
        "share",
        "In points, or per cent of a rate, with the 95 % interval of a bootstrap over seeds and contexts.",
    ),
    "holds": Column("holds", "text"),
    "note": Column("note", "text"),
    "difference": Column(
        "to row above", "difference", "Accuracy less that of the row above on the same pairs, in points."
    ),
    "p_value": Column("p", "p", "That difference by chance: two-sided sign-flip test over contexts."),
    "over_bt": Column(
        "over BT", "difference", "Accuracy less that of the Bradley-Terry reward model, in points."
    ),
    "p_over_bt": Column("p (BT)", "p", "That difference by chance, tested as p."),
    "over_length": Column(
        "over length only", "difference", "Accuracy less that of the length-only baseline, in points."
    ),
    "flip_rate": Column(
        "flips %", "flips", "Pairs whose verdict changes with the order; ! marks a share above 15 %."
    ),
    "first_share": Column(
        "first %", "share", "Decided verdicts for the story shown first; 50 without position bias."
    ),
    "ties": Column("ties %", "share", "Ties among the judgements that could be read."),
    "preferred_first": Column(
        "right if first %", "share", "Accuracy where the preferred story is the one shown first."
    ),
    "preferred_second": Column("right if second %", "share", "Accuracy where it is the one shown second."),
    "first_gain": Column("first – second", "difference", "The difference of the two, in points."),
    "p_range": Column("p of a", "text"),
    "mean_p": Column("mean p %", "share", "Mean over the pairs of the judge's p that a is better."),
    "label_a": Column("label a %", "share", "Pairs whose label is a."),
    "ece": Column(
        "ECE",
        "distinct",
        "Expected calibration error over ten bins, where the judge says a p: how far p and the labels are "
        "apart on average.",
    ),
    "calls": Column("calls", "count", "Answers that are drawn per judgement."),
    "tokens": Column("tokens", "tenths", "Mean number of tokens that a judgement took to write."),
    "unparsed": Column("unparsed %", "share", "Judgements that could not be had or read."),
    "judges": Column("judges", "count"),
    "rho": Column("rho", "number", "Spearman's rank correlation of accuracy and win rate over the judges."),
    "p_rho": Column("p", "p", "That correlation by chance: two-sided permutation test."),
    "injection": Column("injection", "text"),
    "tried": Column("tried", "count", "Prompts with this text in a story, both orders and all seeds."),
    "escaped": Column(
        "escaped", "count", "Prompts whose special tokens, which mark the turns, the text has changed."
    ),
    "injected_wins": Column("injected wins %", "share", "Verdicts for the worse story that has the text."),
    "over_plain": Column(
        "to plain", "difference", "That less the same without the text on the same pairs, in points."
    ),
    "win_rate": Column(
        "win rate %",
        "share",
        "Matches won against the reference policy, averaged over both orders and the seeds; a tie counts one "
        "half.",
    ),
    "length_controlled": Column(
        "same length %",
        "share",
        "Win rate that a logistic model of the matches expects at equal lengths (AlpacaEval 2.0's length "
        "control).",
    ),
    "read": Column("read %", "share", "Analyses whose scores by dimension could be read."),
    "rating": Column(
        "rating", "points", "Bradley–Terry rating by this judge over all matches, in Elo points around 0."
    ),
    "constraints": Column("constraints kept %", "share", "Stories that keep all their constraints."),
    "stories": Column("stories", "count"),
    "prompts": Column("prompts", "count"),
    "prompt_strict": Column(
        "prompt strict %",
        "share",
        "Texts that keep all their constraints; what could not be verified is left out.",
    ),
    "prompt_loose": Column(
        "prompt loose %",
        "share",
        "The same where the text may lose its first line, its last line or its asterisks (IFEval).",
    ),
    "instruction_strict": Column("instruction strict %", "share", "Constraints that are kept, of all."),
    "instruction_loose": Column("instruction loose %", "share", "The same, loosely."),
    "unverified": Column("unverified %", "share", "Constraints that neither a rule nor a model could check."),
    "unsupported": Column(
        "unsupported",
        "count",
        "Instructions that are no constraint of ours; their prompts have no prompt level.",
    ),
    "win_rate_compliant": Column(
        "win rate, both compliant %",
        "share",
        "The same, of the matches in which both stories keep all their constraints.",
    ),
    "words": Column("words", "tenths", "Mean length of a story in words."),
    "distinct_2": Column(
        "distinct-2", "distinct", "Different word pairs among all word pairs of a policy's stories."
    ),
    "repeated": Column("repeated %", "share", "Word 4-grams of a story that occurred before in it."),
    "cut_off": Column("cut off %", "share", "Stories that reached the token limit before their end."),
    "by": Column("of", "text"),
    "group": Column("group", "text"),
    "cohort": Column("cohort", "text"),
    "labelled": Column("labelled %", "share", "Pairs on which the teachers, or the teacher itself, agree."),
    "agreement": Column(
        "agreement %",
        "share",
        "Labels that are the human's; a tie counts one half, pairs that people tie none.",
    ),
    "longer": Column(
        "longer %", "share", "Labels for the longer story, in characters; equal lengths count one half."
    ),
    "human_longer": Column("longer % (human)", "share", "The same of the human labels of these pairs."),
    "longer_difference": Column(
        "longer than human",
        "difference",
        "Both compared on the same pairs, in points; above 0: favours length.",
    ),
    "story_a": Column("story a %", "share", "Labels for the story that stands first in the data."),
    "human_story_a": Column("story a % (human)", "share", "The same of the human labels of these pairs."),
    "unparsed_pairs": Column("unparsed", "count", "Pairs with an order that could not be had or read."),
    "inconsistent_pairs": Column("inconsistent", "count", "Pairs whose two orders disagree."),
    "against_label_pairs": Column(
        "against label", "count", "Pairs whose two orders agree against the label."
    ),
    "kept_pairs": Column("kept", "count", "Pairs whose chains a GenRM learns from."),
    "kept_share": Column("kept %", "share"),
    "pivots": Column("pivots", "count", "Stories of each group that the others are compared with."),
    "orders": Column("orders", "text", "Both orders of each comparison, or one drawn at random."),
    "points": Column(
        "points",
        "text",
        "From verdicts (hard; corrected for the judge's measured noise) or from its own probability (soft).",
    ),
    "calls_per_group": Column("calls", "tenths", "Judge calls per group of stories."),
    "bias": Column(
        "bias", "number", "Of the mean reward over draws against perfect comparisons with every story."
    ),
    "noise": Column("noise", "number", "Standard deviation of a reward over draws of pivots and orders."),
    "signal": Column("signal", "distinct", "Correlation of rewards with the utility within a group."),
    "per_call": Column(
        "per call", "number", "Squared signal over calls, in units of the judge's first row: what calls buy."
    ),
    "judgements": Column("judgements", "count"),
    "hit": Column("first if better %", "share", "The first story is named where it is the better one."),
    "false": Column("first if worse %", "share", "The first story is named where it is the worse one."),
}


def column(name: str) -> Column:
    """How a column is shown; a name that ``COLUMNS`` does not know is text or a plain number."""
    return COLUMNS.get(name, Column(name.replace("_", " "), "number"))


def cell(value: Any, format: Format) -> Cell:
    """One formatted value; None and NaN are a dash, text is left as it is in every format."""
    if isinstance(value, Estimate):
        if pd.isna(value.value):
            return Cell(MISSING)
        if pd.isna(value.low):
            return Cell(_number(value.value, format))
        low, high = (_number(bound, format, bound=True) for bound in (value.low, value.high))
        return Cell(_number(value.value, format), f"[{low}, {high}]")
    if isinstance(value, str):
        return Cell(value)
    if value is None or pd.isna(value):
        return Cell(MISSING)
    if isinstance(value, int) and format in ("count", "number", "text"):
        return Cell(f"{value:,}")
    return Cell(_number(float(value), format))


def _number(value: float, format: Format, *, bound: bool = False) -> str:
    match format:
        case "share":
            return f"{100 * value:.1f}"
        case "flips":
            return f"{100 * value:.1f}" + (" !" if value > FLIP_LIMIT and not bound else "")
        case "difference":
            return f"{100 * value:+.1f}"
        case "points":
            return f"{value:+.0f}"
        case "tenths":
            return f"{value:.1f}"
        case "p":
            return "<0.001" if value < 0.001 else f"{value:.3f}"
        case "count":
            return f"{value:,.0f}"
        case "distinct":
            return f"{value:.3f}"
        case _:
            return f"{value:.2f}"


def cells(frame: pd.DataFrame) -> list[list[Cell]]:
    """The frame's rows, formatted."""
    formats = [column(str(name)).format for name in frame.columns]
    return [
        [cell(value, format) for value, format in zip(row, formats, strict=True)]
        for row in frame.astype(object).itertuples(index=False, name=None)
    ]


def full_caption(caption: str, synthetic: bool) -> str:
    return f"Synthetic tiny world: {caption}" if synthetic else caption


def display(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as strings under its columns' titles."""
    titles = [column(str(name)).title for name in frame.columns]
    return pd.DataFrame([[str(value) for value in row] for row in cells(frame)], columns=titles, dtype=object)


def to_markdown(frame: pd.DataFrame, caption: str) -> str:
    """A caption line and a pipe table."""
    shown = display(frame).map(lambda text: text.replace("|", r"\|").replace("\n", " "))
    sides = ["left" if column(str(name)).is_text else "right" for name in frame.columns]
    table = shown.to_markdown(index=False, disable_numparse=True, colalign=sides)
    return f"{caption}\n\n{table}\n"


def to_raw(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame for machines: an ``Estimate`` becomes the columns value, low, high and n."""
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
    """A booktabs table with label ``tab:name``; every text is escaped."""
    shown = display(frame).map(_escape)
    shown.columns = pd.Index([_escape(str(title)) for title in shown.columns])
    sides = "".join("l" if column(str(title)).is_text else "r" for title in frame.columns)
    return shown.to_latex(
        index=False, escape=False, column_format=sides, caption=_escape(caption), label=f"tab:{name}"
    )


def _escape(text: str) -> str:
    return text.translate(_LATEX)


def write_table(frame: pd.DataFrame, folder: Path, name: str, caption: str, synthetic: bool) -> None:
    """Write ``name``.md, ``name``.csv (raw numbers) and ``name``.tex (booktabs) into ``folder``."""
    caption = full_caption(caption, synthetic)
    (folder / f"{name}.md").write_text(to_markdown(frame, caption), encoding="utf-8")
    (folder / f"{name}.tex").write_text(to_latex(frame, name, caption), encoding="utf-8")
    to_raw(frame).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def read_table(path: Path) -> pd.DataFrame:
    """The frame of a CSV that ``write_table`` wrote, with its estimates."""
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

"""What the columns of the tables mean: title, format and explanation by the short name that frames use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal[
    "text", "count", "share", "flips", "difference", "number", "points", "distinct", "p", "tenths"
]


@dataclass(frozen=True)
class Column:
    """A column's title, the format of its values and what they mean."""

    title: str
    format: Format
    meaning: str = ""

    @property
    def is_text(self) -> bool:
        return self.format == "text"


COLUMNS: dict[str, Column] = {
    "system": Column("system", "text"),
    "domain": Column("domain", "text"),
    "policy": Column("policy", "text"),
    "reference": Column("against", "text"),
    "opponent": Column("against", "text"),
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
    "at_least": Column("at_least", "tenths", "The size to reach, whatever the interval."),
    "items": Column("n", "count", "Pairs times seeds, or chains."),
    "effect": Column(
        "effect",
        "share",
        "In points, or per cent of a rate, with the 95 % interval of a bootstrap over seeds and contexts.",
    ),
    "holds": Column("holds", "text"),
    "note": Column("note", "text"),
    "difference": Column(
        "Δ row above", "difference", "Accuracy less that of the row above on the same pairs, in points."
    ),
    "p_value": Column("p", "p", "That difference by chance: two-sided sign-flip test over contexts."),
    "over_bt": Column(
        "over BT", "difference", "Accuracy less that of the Bradley-Terry reward model, in points."
    ),
    "p_over_bt": Column("p (BT)", "p", "That difference by chance, tested as p."),
    "over_length": Column(
        "Δ length baseline", "difference", "Accuracy less that of the length-only baseline, in points."
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
        "length-controlled %",
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
    "spread": Column(
        "spread",
        "distinct",
        "Mean cosine distance between two of a policy's stories, embedded by a small sentence model.",
    ),
    "repeated": Column("repeated %", "share", "Word 4-grams of a story that occurred before in it."),
    "truncated": Column("truncated %", "share", "Stories that reached the token limit before their end."),
    "model": Column("model", "text"),
    "stage": Column("stage", "text"),
    "artifacts": Column("artifacts", "count"),
    "time": Column("time", "text", "Wall clock of the attempt that ended well."),
    "gpu_hours": Column("GPU hours", "number", "That time, times the GPUs that the job held."),
    "manifest": Column("manifest", "text", "Names the bytes: the hash of the hashes of all files."),
    "training": Column("training", "text"),
    "sign": Column("sign", "text", "What the watch looks for in a training's own log."),
    "reached": Column("reached", "number", "The largest value over the training and its seeds."),
    "limit": Column("limit", "number", "Above it a training is flagged."),
    "flag": Column("flag", "text"),
    "by": Column("of", "text"),
    "group": Column("group", "text"),
    "cohort": Column("cohort", "text"),
    "human_win_rate": Column(
        "win rate %",
        "share",
        "Pairs won against the reference policy, averaged over a pair's annotators; a tie counts one half.",
    ),
    "votes": Column("votes", "count"),
    "annotators": Column("annotators", "count"),
    "mutual": Column(
        "agree %",
        "share",
        "How often one annotator of a pair says what another says, a tie one half: the ceiling for a judge.",
    ),
    "alpha": Column(
        "alpha", "number", "Krippendorff's alpha of these labels: 1 where all agree, 0 as by chance."
    ),
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
    "true_positive_rate": Column("TPR %", "share", "The first story is named where it is the better one."),
    "false_positive_rate": Column("FPR %", "share", "The first story is named where it is the worse one."),
}


def column(name: str) -> Column:
    """How a column is shown; a name that ``COLUMNS`` does not know is text or a plain number."""
    return COLUMNS.get(name, Column(name.replace("_", " "), "number"))

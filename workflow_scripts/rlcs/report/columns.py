"""Title, format and explanation of each column of the tables, by the short name that frames use."""

from dataclasses import dataclass
from typing import Literal

Format = Literal[
    "text", "count", "share", "flips", "difference", "number", "points", "distinct", "p", "tenths"
]


@dataclass(frozen=True)
class Column:
    """Title of a column, format of its values and their meaning."""

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
    "series": Column("series", "text"),
    "pairs": Column("pairs", "count"),
    "seed": Column("seed", "count"),
    "accuracy": Column(
        "accuracy %",
        "share",
        "Verdicts that match the label, averaged over both orders and the seeds; a tie counts one half. "
        "Judgements without a verdict are left out and counted under unparsed.",
    ),
    "benchmark": Column("benchmark", "text"),
    "source": Column("source", "text", "Where a figure comes from."),
    "measured": Column(
        "n", "count", "What accuracy is a mean over: pairs, or rows with several stories (metric best_of)."
    ),
    "chance": Column("chance %", "share", "Accuracy of a judge that draws lots."),
    "quarantined": Column(
        "quarantined", "count", "Rows that could not be used, with reasons in the artifact."
    ),
    "same_prompt": Column(
        "prompt in training", "count", "Pairs whose prompt, in any spelling, a training pair has too."
    ),
    "same_story": Column(
        "story in training", "count", "Pairs with a story that a training pair has too, in any spelling."
    ),
    "shared_ngram": Column(
        "13 words in training",
        "count",
        "Pairs with 13 words in a row, in the prompt or a story, that stand in a training pair's texts too.",
    ),
    "licence": Column("licence", "text", "Licence of the data, as its publisher states it."),
    "accuracy_both_orders": Column(
        "accuracy, both orders %",
        "share",
        "Pairs whose label is the story with p above one half, where p is the mean over both orders of the "
        "judge's own p that a is better: its score tokens, or the share of its votes. A reward with orders: "
        "both and probability: soft reads it so. One half counts one half. A reward model's p does not "
        "depend on the order, so this is its accuracy; a judge without p has a dash.",
    ),
    "accuracy_unread": Column(
        "accuracy, unread ½ %",
        "share",
        "Accuracy if a judgement without a verdict counts one half, as a coin would: what an unread answer "
        "costs.",
    ),
    "paper": Column(
        "paper %", "tenths", "The paper's number for its own data and models; it never enters ours."
    ),
    "claim": Column("claim", "text"),
    "compared": Column("compared", "text"),
    "metric": Column("metric", "text"),
    "expected": Column("expected", "text", "Where the whole interval must lie, in points or per cent."),
    "paper_states": Column("paper", "text", "The paper's number for its own data and models."),
    "at_least": Column("at_least", "tenths", "The least size of the effect, whatever the interval."),
    "items": Column("n", "count", "Pairs times seeds, or chains."),
    "seeds": Column("seeds", "count", "Trainings of each system that were measured."),
    "effect": Column(
        "effect",
        "share",
        "In points, or per cent of a rate, with the 95 % interval over seeds and contexts: of t with several "
        "seeds, of a bootstrap with one, and exact for a rate of 0 or 100 %.",
    ),
    "p_holm": Column(
        "p (Holm)",
        "p",
        "Probability of an effect this far within the bounds if the true one were at the bound: two-sided t "
        "test over seeds and contexts (over contexts alone with one seed; exact for a rate of 0 or 100 %), "
        "by Holm for the number of claims in the table.",
    ),
    "holds": Column(
        "holds",
        "text",
        "By the interval of the one claim, and by three seeds or more; with some 40 claims two would hold by "
        "chance, which p (Holm) allows for.",
    ),
    "note": Column("note", "text"),
    "difference": Column(
        "Δ row above", "difference", "Accuracy minus that of the row above on the same pairs, in points."
    ),
    "p_value": Column(
        "p",
        "p",
        "Probability of that difference by chance: two-sided sign-flip test over contexts; with several "
        "seeds a t test with seeds and contexts as units.",
    ),
    "over_bt": Column(
        "over BT", "difference", "Accuracy minus that of the Bradley-Terry reward model, in points."
    ),
    "p_over_bt": Column("p (BT)", "p", "Probability of that difference by chance, by the same test as p."),
    "over_length": Column(
        "Δ length baseline",
        "difference",
        "Accuracy minus that of the baseline that prefers the story of more words, or fewer, in points.",
    ),
    "flip_rate": Column(
        "flips %", "flips", "Pairs whose verdict changes with the order; ! marks a share above 15 %."
    ),
    "first_share": Column(
        "first %", "share", "Decided verdicts for the story shown first; 50 without position bias."
    ),
    "ties": Column("ties %", "share", "Ties among the judgements that could be read."),
    "preferred_first": Column("right if first %", "share", "Accuracy if the preferred story is shown first."),
    "preferred_second": Column("right if second %", "share", "Accuracy if it is shown second."),
    "first_gain": Column("first – second", "difference", "The difference of the two, in points."),
    "p_range": Column(
        "p of a",
        "text",
        "The judge's own p that a is better, the mean over both orders: a Bradley-Terry model's, a GenRM's "
        "by its score tokens, or the share of its votes. A judge without p has no row.",
    ),
    "mean_p": Column("mean p %", "share", "Mean over the pairs of the judge's p that a is better."),
    "label_a": Column("label a %", "share", "Pairs whose label is a."),
    "ece": Column(
        "ECE",
        "distinct",
        "Expected calibration error over ten bins, if the judge gives a p: the mean distance of p from the "
        "labels.",
    ),
    "calls": Column("calls", "count", "Answers sampled per judgement."),
    "tokens": Column("tokens", "tenths", "Mean number of generated tokens per judgement."),
    "unparsed": Column("unparsed %", "share", "Judgements that failed or could not be read."),
    "truncated_answers": Column(
        "truncated %",
        "share",
        "Judgements that could not be read because the token limit ended the answer, or left no room for "
        "one; a part of unparsed.",
    ),
    "judges": Column("judges", "count"),
    "rho": Column("rho", "number", "Spearman's rank correlation of accuracy and win rate over the judges."),
    "p_rho": Column("p", "p", "Probability of that correlation by chance: two-sided permutation test."),
    "injection": Column("injection", "text"),
    "tried": Column("tried", "count", "Prompts with this text in a story, both orders and all seeds."),
    "escaped": Column(
        "escaped", "count", "Prompts in which the text changed the special tokens that mark the turns."
    ),
    "injected_wins": Column(
        "injected wins %", "share", "Verdicts for the worse story, to which the text was added."
    ),
    "pairs_read": Column(
        "pairs read",
        "count",
        "Pairs with a verdict, with this text and without; the wins are a share of them.",
    ),
    "over_plain": Column(
        "to plain", "difference", "The same minus the share without the text on the same pairs, in points."
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
        "Win rate at equal lengths in words by a logistic model of the matches (AlpacaEval 2.0's length "
        "control); a dash if one policy has the longer story in more than 95 % of the matches.",
    ),
    "read": Column("read %", "share", "Analyses whose scores by dimension could be read."),
    "rating": Column(
        "rating", "points", "Bradley–Terry rating by this judge over all matches, in Elo points around 0."
    ),
    "constraints": Column("constraints kept %", "share", "Stories with constraints that satisfy them all."),
    "stories": Column("stories", "count"),
    "prompts": Column("prompts", "count"),
    "prompt_strict": Column(
        "prompt strict %",
        "share",
        "Texts that satisfy all their constraints; texts that could not be verified are left out.",
    ),
    "prompt_loose": Column(
        "prompt loose %",
        "share",
        "The same if the text may lose its first line, its last line or its asterisks (IFEval).",
    ),
    "instruction_strict": Column(
        "instruction strict %", "share", "Satisfied constraints among all constraints."
    ),
    "instruction_loose": Column("instruction loose %", "share", "The same by the loose rule."),
    "unverified": Column("unverified %", "share", "Constraints that neither a rule nor a model could check."),
    "unsupported": Column(
        "unsupported",
        "count",
        "Instructions that IFEval does not have; their prompts are left out at prompt level.",
    ),
    "win_rate_compliant": Column(
        "win rate, both compliant %",
        "share",
        "Win rate among the matches in which both stories satisfy all their constraints.",
    ),
    "words": Column(
        "words",
        "tenths",
        "Mean length of a story in words (Unicode's, UAX #29: a Chinese character or a Thai letter is one).",
    ),
    "distinct_2": Column(
        "distinct-2", "distinct", "Share of distinct word pairs among all word pairs of a policy's stories."
    ),
    "spread": Column(
        "spread",
        "distinct",
        "Mean cosine distance between two of a policy's stories, embedded by a small sentence model.",
    ),
    "repeated": Column("repeated %", "share", "Word 4-grams that occur earlier in the same story."),
    "truncated": Column(
        "truncated %",
        "share",
        "Texts of the policy, or of the compared policies, that the token limit ended before their own end. "
        "They count in the other columns by what is there.",
    ),
    "model": Column("model", "text"),
    "stage": Column("stage", "text"),
    "artifacts": Column("artifacts", "count"),
    "time": Column("time", "text", "Wall-clock time of the attempt that succeeded."),
    "gpu_hours": Column("GPU hours", "number", "That time, times the GPUs that the job held."),
    "published": Column(
        "published",
        "text",
        "The trained model (child) or the one it started from (parent), whichever is better on validation "
        "pairs; a dash if the training does not compare them.",
    ),
    "manifest": Column("manifest", "text", "Hash of the hashes of all files; it identifies their bytes."),
    "training": Column("training", "text"),
    "sign": Column("sign", "text", "A sign of collapse that the watch looks for in the training's log."),
    "reached": Column("reached", "number", "The largest value over the training and its seeds."),
    "limit": Column("limit", "number", "A training above it is flagged."),
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
        "How often two annotators of a pair agree; a tie counts one half. It is the ceiling for a judge.",
    ),
    "alpha": Column(
        "alpha", "number", "Krippendorff's alpha of these labels: 1 if all agree, 0 at chance level."
    ),
    "labelled": Column(
        "labelled %",
        "share",
        "Pairs on which the teachers agree with one another, or a single teacher with itself.",
    ),
    "agreement": Column(
        "agreement %",
        "share",
        "Labels equal to the human one; a tie counts one half, pairs that people tie are left out.",
    ),
    "longer": Column(
        "longer %", "share", "Labels for the longer story, in words; equal lengths count one half."
    ),
    "human_longer": Column("longer % (human)", "share", "The same for the human labels of these pairs."),
    "longer_difference": Column(
        "longer than human",
        "difference",
        "Longer % minus that of the human labels on the same pairs, in points; above 0 favours length.",
    ),
    "story_a": Column("story a %", "share", "Labels for the story that stands first in the data."),
    "human_story_a": Column("story a % (human)", "share", "The same for the human labels of these pairs."),
    "unparsed_pairs": Column(
        "unparsed", "count", "Pairs with an order whose judgement failed or could not be read."
    ),
    "inconsistent_pairs": Column("inconsistent", "count", "Pairs whose two orders disagree."),
    "against_label_pairs": Column(
        "against label", "count", "Pairs whose two orders agree against the label."
    ),
    "kept_pairs": Column("kept", "count", "Pairs whose chains a GenRM learns from."),
    "kept_share": Column("kept %", "share"),
    "pivots": Column("pivots", "count", "Stories of each group with which the others are compared."),
    "pivot": Column(
        "pivot",
        "text",
        "Story that the others are compared with: drawn from the group, or chosen by people in the same "
        "context; none for the plain scores of a judge that scores stories by themselves.",
    ),
    "orders": Column("orders", "text", "Both orders of each comparison, or one drawn at random."),
    "points": Column(
        "points",
        "text",
        "Rewards from verdicts (hard) or from probabilities (soft).",
    ),
    "calls_per_group": Column("calls", "tenths", "Judge calls per group of stories."),
    "tokens_per_group": Column("tokens", "count", "Tokens that the judge writes per group of stories."),
    "bias": Column(
        "bias",
        "number",
        "Root mean squared difference of a story's mean reward over draws from that by a perfect judge with "
        "the same pivots; 0 for a perfect judge.",
    ),
    "noise": Column("noise", "number", "Standard deviation of a reward over draws of pivots and orders."),
    "signal": Column("signal", "distinct", "Correlation of rewards and utility within a group."),
    "per_call": Column(
        "per call",
        "number",
        "Squared signal per call, relative to the judge's first row: the higher, the cheaper.",
    ),
    "per_token": Column(
        "per 1,000 tokens",
        "number",
        "Squared signal per 1,000 tokens that the judge writes, by which judges compare. Prompts are not "
        "counted.",
    ),
    "judgements": Column("judgements", "count"),
    "true_positive_rate": Column("TPR %", "share", "The first story is preferred if it is the better one."),
    "false_positive_rate": Column("FPR %", "share", "The first story is preferred if it is the worse one."),
}


ON_GROUP = "accuracy on "
"""Start of the name of a column with the accuracies on a benchmark, a domain or a cohort."""


def get_column(name: str) -> Column:
    """Return the column of a name; a name that is not in ``COLUMNS`` is shown as a plain number or text.

    A name that begins with ``ON_GROUP`` has the accuracies on the benchmark, domain or cohort that follows.
    """
    if name.startswith(ON_GROUP):
        meaning = "Accuracy on these pairs; that of a benchmark is as its metric says."
        return Column(f"{name.removeprefix(ON_GROUP)} %", "share", meaning)
    return COLUMNS.get(name, Column(name.replace("_", " "), "number"))

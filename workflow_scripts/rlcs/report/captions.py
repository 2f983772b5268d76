"""Titles and captions of tables and figures, the same in the files and on the page."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rlcs.report.columns import get_column

SYNTHETIC = "Synthetic tiny world"


class Caption(NamedTuple):
    """Title and text of a table or figure, and its section of the page; a folded one is closed at first."""

    title: str
    text: str
    section: str
    folded: bool = False
    mark: str = SYNTHETIC  # begins the caption of a run of the tiny world


# Headings of the sections of the page, in its order, each with the sentence below it.
PAGE_SECTIONS = {
    "judges": ("Judges", "How far the judges agree with people, and what else moves their verdicts."),
    "policies": ("Policies", "How much better the stories of the trained policies are, and at which price."),
    "claims": ("Claims", "What the papers expect, and what was measured here."),
    "training": (
        "Training",
        "What the trainers logged, over optimiser steps. A line is a training; its band reaches from the "
        "lowest seed to the highest.",
    ),
    "data": ("Data", "What the judges were trained on."),
}

OTHER_PAIRS = "Judges of the synthetic tiny world, pairs of the benchmarks"

TABLES = {
    "alignment": Caption(
        "Human alignment",
        "Judges against the labels of held-out pairs, both orders. The baselines count the words of a "
        "story, and those of its sentences.",
        "judges",
    ),
    "alignment_by_domain": Caption(
        "Human alignment by domain", "The same, each domain by itself.", "judges", folded=True
    ),
    "effects": Caption(
        "Effects",
        "The papers' claims, each with the expected and the measured effect: in points or per cent, with the "
        "95 % interval over seeds and contexts. A claim holds if the whole interval is as expected and there "
        "are three seeds or more.",
        "claims",
    ),
    "alignment_by_cohort": Caption(
        "Human alignment by cohort", "The same, each cohort of annotators by itself.", "judges", folded=True
    ),
    "position_bias": Caption(
        "Position bias",
        "How the order of two stories changes a judge's verdicts; 95 % intervals over seeds and contexts. "
        "Accuracy, both orders, in the table of human alignment is free of it.",
        "judges",
        folded=True,
    ),
    "calibration": Caption(
        "Calibration",
        "Held-out pairs by the judge's own p that a is better, the mean over both orders, and how often a is "
        "the label. Both columns of a calibrated judge are equal.",
        "judges",
        folded=True,
    ),
    "transfer_domain": Caption(
        "Transfer between domains",
        "Accuracy of judges that were trained on some domains, on the held-out pairs of each, both orders, "
        "with 95 % intervals over seeds and contexts.",
        "judges",
    ),
    "transfer_cohort": Caption(
        "Transfer between cohorts",
        "Accuracy of judges that were trained on the labels of some cohorts, on the held-out pairs of each, "
        "both orders, with 95 % intervals over seeds and contexts. The row people, if pairs have several "
        "votes of a cohort, is its agreement with itself: the ceiling.",
        "judges",
    ),
    "benchmarks": Caption(
        "Benchmarks",
        "Judges on benchmarks, both orders, with 95 % intervals over seeds and prompts. Below them are the "
        "rule of length, chance, and figures that others have published. These were measured with prompts "
        "of their own.",
        "judges",
        mark=OTHER_PAIRS,
    ),
    "benchmark_data": Caption(
        "Benchmarks: pairs, chance and overlap",
        "What each benchmark measures, and how much of it the training pairs of this run have too. Nothing "
        "is taken out for that. The last row is the run's own held-out pairs.",
        "judges",
        folded=True,
        mark=OTHER_PAIRS,
    ),
    "win_rates": Caption(
        "Win rates",
        "Stories for held-out contexts against those of the reference policy, both orders. A judge that was "
        "also the training reward shows how far the reward was met; trust the others.",
        "policies",
    ),
    "human_win_rates": Caption(
        "Win rates by people",
        "Stories for held-out contexts against those of the reference policy, compared on a blind sheet.",
        "policies",
    ),
    "gains": Caption(
        "Judges as rewards",
        "The accuracy of each judge on held-out pairs, and the win rate of the policy trained on its "
        "verdicts against the reference policy, by the first judge of the win rates; 95 % intervals over "
        "seeds and contexts.",
        "policies",
    ),
    "gain_correlation": Caption(
        "Accuracy and gain",
        "How well the accuracy of a judge predicts the win rate of its policy. The oracle and the length "
        "rule, the best and the worst judge by construction, are not counted.",
        "policies",
    ),
    "gates": Caption(
        "Gate",
        "The judges that reward policies, on validation pairs, both orders; 95 % intervals over contexts. A "
        "judge that breaks a limit of the gate stops the run before a policy is trained on it.",
        "judges",
        folded=True,
    ),
    "injections": Caption(
        "Prompt injection",
        "The worse story of held-out pairs, with added text that speaks to the judge: how often the prompt "
        "lost its structure, and how often the judge was moved.",
        "judges",
        folded=True,
    ),
    "consensus": Caption(
        "Consensus",
        "Labels that teachers agree on, and those of each teacher alone, against the human labels.",
        "data",
    ),
    "constraints": Caption(
        "Constraints",
        "Stories for held-out contexts by the constraints that they satisfy, next to length and quality. A "
        "truncated story keeps a constraint such as max_words because its end is missing. A win rate that "
        "falls among compliant stories, or length that grows, is a sign of a hacked reward.",
        "policies",
    ),
    "ifeval": Caption(
        "Instruction following",
        "Responses to prompts that do not ask for stories, by the instructions that they follow (as IFEval).",
        "policies",
    ),
    "filter": Caption(
        "Consistency filter", "Training pairs by what the filter did with the teacher's two chains.", "data"
    ),
    "win_rate_matrix": Caption(
        "Every policy against every other",
        "How often the stories of one policy win against those of another, by each judge.",
        "policies",
        folded=True,
    ),
    "diagnostics": Caption(
        "Signs of collapse",
        "How near each GRPO training came to the limits of its watch (for judges, the default limits). A "
        "sign above its limit is marked with ! and the first step at which it was.",
        "training",
        folded=True,
    ),
    "dimensions": Caption(
        "Scores by dimension",
        "Mean scores of each policy's stories in the judges' analyses of the matches.",
        "policies",
        folded=True,
    ),
    "pivots": Caption(
        "Designs of pointwise rewards",
        "Rewards by pivots, or by plain scores, against the hidden utility, on groups of one policy's "
        "stories that no model was trained on. The mean of the group is subtracted from its rewards, as GRPO "
        "does.",
        "judges",
        folded=True,
    ),
    "judge_noise": Caption(
        "How judges err",
        "How often a judge prefers the story shown first, if it is the better one and if it is the worse "
        "one.",
        "judges",
        folded=True,
    ),
}
FIGURES = {
    "alignment": Caption(
        "Human alignment",
        "Accuracy on held-out pairs with 95 % intervals. Hollow circles are baselines, hollow diamonds the "
        "paper's numbers.",
        "judges",
    ),
    "calibration": Caption(
        "Calibration",
        "How often a is the label, over the judge's own p that a is better, the mean over both orders, with "
        "95 % intervals.",
        "judges",
    ),
    "position_bias": Caption(
        "Position bias",
        "Accuracy if the preferred story is shown first, and if it is shown second. The two dots of a judge "
        "without position bias coincide.",
        "judges",
    ),
    "win_rates": Caption(
        "Win rates", "Win rates against the reference policy, with 95 % intervals, by judge.", "policies"
    ),
    "win_rate_matrix": Caption(
        "Every policy against every other",
        "How often the row's stories win against the column's, in per cent; a panel for each judge.",
        "policies",
    ),
    "gains": Caption(
        "Judges as rewards",
        "Win rate of a policy over the accuracy of the judge that rewarded it, with 95 % intervals.",
        "policies",
    ),
    "policies": Caption(
        "GRPO of the policies",
        "Training towards stories that the reward's judge prefers. Where the pivots are stories of the "
        "policy's own group, the training reward hovers around zero however much the policy learns: what one "
        "story wins, another loses. The win rate over the start shows what is learned: stories for the same "
        "validation contexts against those from before the first step, both orders, by the reward's judge "
        "and by another (a policy's select), with 95 % intervals; n is the number of contexts.",
        "training",
    ),
    "judges": Caption("GRPO of the judges", "Training towards verdicts that match the label.", "training"),
    "entropy_cells": Caption(
        "Cells of the entropy-based shaping",
        "Shares of the samples by confidence (entropy below the batch's median) and correctness, for "
        "trainings with entropy-based shaping.",
        "training",
    ),
    "supervised": Caption(
        "Supervised trainings", "SFT, DPO and the Bradley–Terry reward models.", "training"
    ),
    "bases": Caption("Bases", "Pre-training of the tiny world's models.", "training"),
}


def sweep_caption(sweep: Mapping[str, Any]) -> Caption:
    """The caption of a sweep, one of those that ``table_configs.sweeps`` makes."""
    column = get_column(sweep["metric"]).title
    text = f"{column[0].upper()}{column[1:]}, over {sweep['x_label'] or sweep['x']}, with 95 % intervals."
    if sweep["lines"]:
        without_p = ", by verdicts if they have no p" if sweep["metric"] == "accuracy_both_orders" else ""
        text += f" Horizontal lines: {', '.join(sweep['lines'])}{without_p}."
    return Caption(sweep["title"], text, sweep["registry"])

"""Titles and captions of tables and figures, the same in the files and on the page."""

from __future__ import annotations

from typing import NamedTuple


class Title(NamedTuple):
    title: str
    text: str


class Caption(NamedTuple):
    """Title and caption of a table or figure, the section of the page that it is in, and whether the page
    shows it folded."""

    title: str
    text: str
    section: str
    folded: bool = False


SECTIONS = {
    "judges": Title("Judges", "Whether those who judge stories agree with people, and what moves them."),
    "policies": Title("Policies", "Whether the trained policies write better stories, and at which price."),
    "claims": Title("Claims", "What the papers say should happen, and what happened here."),
    "training": Title(
        "Training",
        "What the trainers logged, over optimiser steps: a line for each training, a "
        "band from its lowest seed to its highest.",
    ),
    "data": Title("Data", "What the judges were taught with."),
}  # of the page, in its order


TABLES = {
    "alignment": Caption(
        "Human alignment", "Judges against the labels of held-out pairs, both orders.", "judges"
    ),
    "alignment_by_domain": Caption(
        "Human alignment by domain", "The same, each domain by itself.", "judges", folded=True
    ),
    "effects": Caption(
        "Effects",
        "The papers' claims, each with what is expected of its effect: in points or per cent, with the 95 % "
        "interval over seeds and contexts. A claim holds where the whole interval is as expected.",
        "claims",
    ),
    "alignment_by_cohort": Caption(
        "Human alignment by cohort",
        "The same, the pairs of each cohort of annotators by themselves.",
        "judges",
        folded=True,
    ),
    "position_bias": Caption(
        "Position bias",
        "What the place of a story does to a judge's verdicts, with 95 % intervals over seeds and contexts.",
        "judges",
        folded=True,
    ),
    "calibration": Caption(
        "Calibration",
        "Held-out pairs by the judge's own p that a is better, and how often a is the label: a judge that "
        "knows what it does not know has the same in both columns.",
        "judges",
        folded=True,
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
        "The accuracy of each judge on held-out pairs, and how often the policy that was trained on its "
        "verdicts wins against the reference policy by the win rates' first judge; 95 % intervals over seeds "
        "and contexts.",
        "policies",
    ),
    "gain_correlation": Caption(
        "Accuracy and gain", "Whether judges that agree more with people make better policies.", "policies"
    ),
    "injections": Caption(
        "Prompt injection",
        "The worse story of held-out pairs, with text added that speaks to the judge: whether the prompt "
        "kept its structure, and whether the judge moved.",
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
        "Stories for held-out contexts by the constraints that they keep, next to length and quality. "
        "A win rate that falls among compliant stories, or length that grows, is a sign of a hacked reward.",
        "policies",
    ),
    "ifeval": Caption(
        "Instruction following",
        "Answers to prompts that are no stories, by the instructions that they follow (the shape of IFEval).",
        "policies",
    ),
    "filter": Caption(
        "Consistency filter", "Training pairs by what became of the teacher's two chains.", "data"
    ),
    "win_rate_matrix": Caption(
        "Every policy against every other",
        "How often the stories of one policy win against those of another, by each judge.",
        "policies",
        folded=True,
    ),
    "diagnostics": Caption(
        "Signs of collapse",
        "How near each GRPO training came to the limits of its watch (the default ones, for judges). A sign "
        "that was above its limit is marked with ! and where that first was.",
        "training",
        folded=True,
    ),
    "dimensions": Caption(
        "What judges say of the dimensions",
        "Mean scores of each policy's stories in the judges' analyses of the matches.",
        "policies",
        folded=True,
    ),
    "pivots": Caption(
        "Designs of pointwise rewards",
        "Rewards by pivots against the hidden utility, on groups of one policy's stories that nothing was "
        "trained on. Rewards are taken less their group's mean, which is what GRPO learns from.",
        "judges",
        folded=True,
    ),
    "judge_noise": Caption(
        "How judges err",
        "How often a judge names the story shown first, by which of the two is the better one; this is the "
        "noise of a reward's entry.",
        "judges",
        folded=True,
    ),
}
FIGURES = {
    "alignment": Caption("Human alignment", "Accuracy on held-out pairs with 95 % intervals.", "judges"),
    "calibration": Caption(
        "Calibration",
        "How often a is the label, over the judge's own p that a is better, with 95 % intervals.",
        "judges",
    ),
    "position_bias": Caption(
        "Position bias",
        "Accuracy where the preferred story is the one shown first, and where it is the second; a "
        "judge without position bias has both dots in one place.",
        "judges",
    ),
    "win_rates": Caption(
        "Win rates", "Against the reference policy, with 95 % intervals, by judge.", "policies"
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
        "GRPO of the policies", "On the way to stories that the reward's judge prefers.", "training"
    ),
    "judges": Caption("GRPO of the judges", "On the way to verdicts that are the label.", "training"),
    "entropy_cells": Caption(
        "Cells of the entropy-based shaping",
        "Shares of the samples by confidence (entropy below the batch's median) and correctness; only of "
        "trainings that are shaped.",
        "training",
    ),
    "supervised": Caption("Supervised trainings", "SFT and the Bradley–Terry reward models.", "training"),
    "bases": Caption("Bases", "Pre-training of the tiny world's models.", "training"),
}

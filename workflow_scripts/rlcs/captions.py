"""Titles and captions of tables and figures, the same in the files and on the page."""

from __future__ import annotations

from typing import NamedTuple


class Caption(NamedTuple):
    title: str
    text: str


TABLES = {
    "alignment": Caption("Human alignment", "Judges against the labels of held-out pairs, both orders."),
    "alignment_by_domain": Caption("Human alignment by domain", "The same, each domain by itself."),
    "effects": Caption(
        "Effects",
        "The papers' claims, each with what is expected of its effect: in points or per cent, with the 95 % "
        "interval over seeds and contexts. A claim holds where the whole interval is as expected.",
    ),
    "alignment_by_cohort": Caption(
        "Human alignment by cohort", "The same, the pairs of each cohort of annotators by themselves."
    ),
    "position_bias": Caption(
        "Position bias",
        "What the place of a story does to a judge's verdicts, with 95 % intervals over seeds and contexts.",
    ),
    "calibration": Caption(
        "Calibration",
        "Held-out pairs by the judge's own p that a is better, and how often a is the label: a judge that "
        "knows what it does not know has the same in both columns.",
    ),
    "win_rates": Caption(
        "Win rates",
        "Stories for held-out contexts against those of the reference policy, both orders. A judge that was "
        "also the training reward shows how far the reward was met; trust the others.",
    ),
    "human_win_rates": Caption(
        "Win rates by people",
        "Stories for held-out contexts against those of the reference policy, compared on a blind sheet.",
    ),
    "gains": Caption(
        "Judges as rewards",
        "The accuracy of each judge on held-out pairs, and how often the policy that was trained on its "
        "verdicts wins against the reference policy by the win rates' first judge; 95 % intervals over seeds "
        "and contexts.",
    ),
    "gain_correlation": Caption(
        "Accuracy and gain", "Whether judges that agree more with people make better policies."
    ),
    "injections": Caption(
        "Stories that talk to the judge",
        "The worse story of held-out pairs, with text added that speaks to the judge: whether the prompt "
        "kept its structure, and whether the judge moved.",
    ),
    "consensus": Caption(
        "Consensus",
        "Labels that teachers agree on, and those of each teacher alone, against the human labels.",
    ),
    "constraints": Caption(
        "Constraints",
        "Stories for held-out contexts by the constraints that they keep, next to length and quality. "
        "A win rate that falls among compliant stories, or length that grows, is a sign of a hacked reward.",
    ),
    "ifeval": Caption(
        "Instruction following",
        "Answers to prompts that are no stories, by the instructions that they follow (the shape of IFEval).",
    ),
    "filter": Caption("Consistency filter", "Training pairs by what became of the teacher's two chains."),
    "dimensions": Caption(
        "What judges say of the dimensions",
        "Mean scores of each policy's stories in the judges' analyses of the matches.",
    ),
    "pivots": Caption(
        "Designs of pointwise rewards",
        "Rewards by pivots against the hidden utility, on groups of one policy's stories that nothing was "
        "trained on. Rewards are taken less their group's mean, which is what GRPO learns from.",
    ),
    "judge_noise": Caption(
        "How judges err",
        "How often a judge names the story shown first, by which of the two is the better one; this is the "
        "noise of a reward's entry.",
    ),
}
FIGURES = {
    "alignment": Caption("Human alignment", "Accuracy on held-out pairs with 95 % intervals."),
    "calibration": Caption(
        "Calibration",
        "How often a is the label, over the judge's own p that a is better, with 95 % intervals.",
    ),
    "win_rates": Caption("Win rates", "Against the reference policy, with 95 % intervals, by judge."),
    "gains": Caption(
        "Judges as rewards",
        "Win rate of a policy over the accuracy of the judge that rewarded it, with 95 % intervals.",
    ),
    "judges": Caption("Training of the judges", "What the trainers logged, over optimiser steps."),
    "policies": Caption("Training of the policies", "What the trainers logged, over optimiser steps."),
}

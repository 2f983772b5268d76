"""Votes of several annotators on one pair: majority and soft labels, and agreement between people.

Votes are rows of ``records.ANNOTATIONS``. The agreement of two people is the ceiling for a judge that is
compared with the label of one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any

import krippendorff
import numpy as np

from rlcs.records import LABELS, Label
from rlcs.verdict import credit

Votes = Iterable[Mapping[str, Any]]


def majority_label(labels: Sequence[Label]) -> Label:
    """The label with the most votes; a tie if no label has more than every other (design choice)."""
    (first, most), *others = Counter(labels).most_common()
    return "tie" if others and others[0][1] == most else first


def soft_label(labels: Sequence[Label]) -> float:
    """Share of the votes for a, a tie counting one half."""
    return (labels.count("a") + 0.5 * labels.count("tie")) / len(labels)


def votes_by_pair(votes: Votes) -> dict[str, list[Label]]:
    """The labels that each pair was given, in the order of ``votes``."""
    by_pair: dict[str, list[Label]] = {}
    for vote in votes:
        by_pair.setdefault(vote["pair_id"], []).append(vote["label"])
    return by_pair


def krippendorff_alpha(votes: Votes) -> float | None:
    """Nominal alpha over the labels a, b and tie: 1 where all agree, 0 as by chance (Krippendorff 2011).

    None if no pair has two votes, or if all votes are the same label: chance is not defined then.
    """
    several = [labels for labels in votes_by_pair(votes).values() if len(labels) > 1]
    if len({label for labels in several for label in labels}) < 2:
        return None
    counts = np.array([[labels.count(label) for label in LABELS] for labels in several])
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))


def mutual_credits(votes: Votes) -> dict[str, float]:
    """Accuracy of each pair's annotators as judges of one another, counted as judges' accuracy is.

    Each vote is compared with each other vote of its pair as if that were the label (``verdict.credit``: a
    tied verdict counts one half, a tied label is left out). Pairs without two votes, or all of them ties, are
    left out. For ``statistics.bootstrap_mean``.
    """
    credits: dict[str, float] = {}
    for pair, labels in votes_by_pair(votes).items():
        compared = [credit(vote, other) for vote, other in permutations(labels, 2)]
        if known := [value for value in compared if value is not None]:
            credits[pair] = sum(known) / len(known)
    return credits

"""Consensus pairs: labels that teachers give to unlabelled pairs (docs/method.md, "Consensus labels").

By verdicts a pair gets a label if at least two teachers each agree with themselves across orders and with one
another. Design choice: no further teacher that agrees with itself may contradict them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal, NamedTuple, get_args

from rlcs.errors import InputError
from rlcs.judging.credits import judgements_by_pair
from rlcs.records import ORDERS, Judgement, Label

ConsensusOutcome = Literal["undecided", "disagreement", "consensus"]

CONSENSUS_OUTCOMES: tuple[ConsensusOutcome, ...] = get_args(ConsensusOutcome)

TeacherJudgements = Mapping[str, Sequence[Judgement]]
"""Teacher -> un-swapped judgements, at most one for each pair and order."""


class Consensus(NamedTuple):
    """The outcome of one pair; ``label`` is None without consensus."""

    label: Label | None
    outcome: ConsensusOutcome


def own_labels(judgements: Iterable[Judgement]) -> dict[str, Label]:
    """The verdict that one teacher gave in both orders, by pair; other pairs are left out.

    A tie in both orders is a verdict like the others. A ``none`` or a missing order leaves the pair out.
    """
    labels: dict[str, Label] = {}
    for pair, of_pair in judgements_by_pair(judgements).items():
        verdict = of_pair[0].verdict
        same = all(judgement.verdict == verdict for judgement in of_pair)
        if verdict != "none" and same and {judgement.order for judgement in of_pair} == set(ORDERS):
            labels[pair] = verdict
    return labels


def find_consensus(judgements: TeacherJudgements, pairs: Iterable[str], agree: int) -> dict[str, Consensus]:
    """The label and outcome of each pair, in the order of ``pairs``.

    The outcome is ``undecided`` if fewer than ``agree`` teachers agree with themselves, ``disagreement`` if
    those teachers differ, else ``consensus``.

    Args:
        pairs: the ids of the pairs to label.
        agree: number of teachers that must give the same verdict, at least 2.

    Raises:
        ValueError: there are fewer teachers than ``agree``, or ``agree`` is below 2.
    """
    if agree < 2 or len(judgements) < agree:
        raise ValueError(f"{agree} of the teachers {sorted(judgements)} must agree; 2 are the least")
    labels = [own_labels(by_teacher) for by_teacher in judgements.values()]
    return {
        pair: _consensus([by_pair[pair] for by_pair in labels if pair in by_pair], agree) for pair in pairs
    }


def _consensus(labels: Sequence[Label], agree: int) -> Consensus:
    if len(labels) < agree:
        return Consensus(None, "undecided")
    return Consensus(labels[0], "consensus") if len(set(labels)) == 1 else Consensus(None, "disagreement")


def mean_probabilities(judgements: TeacherJudgements) -> dict[str, float]:
    """p(a beats b) by pair, the mean over teachers of each one's p over both orders.

    A pair is left out if a teacher has no verdict on it in one of the orders.

    Raises:
        InputError: a teacher has verdicts alone.
    """
    known: list[dict[str, float]] = []
    for teacher, by_teacher in judgements.items():
        if not any(judgement.p_a is not None for judgement in by_teacher):
            raise InputError(
                f"teacher {teacher!r} gives verdicts without a probability: name a judge whose scores are "
                "single tokens, a Bradley-Terry model or a probe, or set labels: verdicts"
            )
        said = judgements_by_pair(by_teacher).items()
        known.append(
            {
                pair: fmean(p)
                for pair, both in said
                if len(p := [one.p_a for one in both if one.p_a is not None]) == 2
            }
        )
    shared = set.intersection(*map(set, known)) if known else set()
    return {pair: fmean(by_teacher[pair] for by_teacher in known) for pair in sorted(shared)}


def likelier_label(p: float) -> Label:
    """The label of the likelier story; a tie at one half."""
    return "tie" if math.isclose(p, 0.5) else "a" if p > 0.5 else "b"


def consensus_chains(judgements: TeacherJudgements, pairs: Collection[str]) -> list[Judgement]:
    """The judgements behind the labels of ``pairs``: those of the teachers that agree with themselves."""
    return [
        judgement
        for by_teacher in judgements.values()
        for labels in [own_labels(by_teacher)]
        for judgement in by_teacher
        if judgement.pair_id in pairs and judgement.pair_id in labels
    ]

"""Consensus pairs: labels that several teachers agree on (docs/method.md, "Consensus labels").

A pair gets a label if at least two teachers each agree with themselves across orders and with one another.
Design choice: no further teacher that agrees with itself may contradict them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

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


def consensus_chains(judgements: TeacherJudgements, pairs: Collection[str]) -> list[Judgement]:
    """The judgements behind the labels of ``pairs``: those of the teachers that agree with themselves."""
    return [
        judgement
        for by_teacher in judgements.values()
        for labels in [own_labels(by_teacher)]
        for judgement in by_teacher
        if judgement.pair_id in pairs and judgement.pair_id in labels
    ]

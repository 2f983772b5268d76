"""Consensus pairs: labels that several teachers agree on (DESIGN §5).

A pair gets a label where at least two teachers each agree with themselves across orders and with one another,
and no further teacher that agrees with itself says otherwise (the last is our choice).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from rlcs.records import ORDERS, Judgement, Label

ConsensusOutcome = Literal["undecided", "disagreement", "consensus"]

CONSENSUS_OUTCOMES: tuple[ConsensusOutcome, ...] = get_args(ConsensusOutcome)

Said = Mapping[str, Sequence[Judgement]]
"""Teacher -> un-swapped judgements, at most one for each pair and order."""


class Found(NamedTuple):
    """What the teachers make of one pair; ``label`` is None without consensus."""

    label: Label | None
    outcome: ConsensusOutcome


def own_labels(judgements: Iterable[Judgement]) -> dict[str, Label]:
    """By pair the verdict that one teacher gave in both orders; other pairs are left out.

    A tie in both orders is a verdict like the others; a ``none`` or a missing order is none.
    """
    by_pair: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        by_pair.setdefault(judgement.pair_id, []).append(judgement)
    labels: dict[str, Label] = {}
    for pair, both in by_pair.items():
        verdict = both[0].verdict
        same = all(judgement.verdict == verdict for judgement in both)
        if verdict != "none" and same and {judgement.order for judgement in both} == set(ORDERS):
            labels[pair] = verdict
    return labels


def find_consensus(said: Said, pairs: Iterable[str], agree: int) -> dict[str, Found]:
    """By pair what the teachers agree on, in the order of ``pairs``.

    Outcomes: ``undecided`` where fewer than ``agree`` teachers agree with themselves, ``disagreement`` where
    those that do differ, else ``consensus``.

    Args:
        pairs: the ids of the pairs to label.
        agree: how many teachers must say the same, at least 2.

    Raises:
        ValueError: fewer teachers than ``agree``, or ``agree`` below 2: one teacher is no consensus.
    """
    if agree < 2 or len(said) < agree:
        raise ValueError(f"{agree} of the teachers {sorted(said)} must agree; 2 are the least")
    labels = [own_labels(judgements) for judgements in said.values()]
    return {pair: _found([own[pair] for own in labels if pair in own], agree) for pair in pairs}


def _found(labels: Sequence[Label], agree: int) -> Found:
    if len(labels) < agree:
        return Found(None, "undecided")
    return Found(labels[0], "consensus") if len(set(labels)) == 1 else Found(None, "disagreement")


def consensus_chains(said: Said, pairs: Collection[str]) -> list[Judgement]:
    """The judgements that the labels of ``pairs`` rest on: of the teachers that agree with themselves."""
    return [
        judgement
        for judgements in said.values()
        for labels in [own_labels(judgements)]
        for judgement in judgements
        if judgement.pair_id in pairs and judgement.pair_id in labels
    ]

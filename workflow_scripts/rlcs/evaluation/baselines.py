"""Baselines that read nothing: length, another measure of a text, the majority label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from rlcs.evaluation.statistics import mean_or_none
from rlcs.judging.credits import pair_credits
from rlcs.records import ORDERS, Judgement, Verdict

Direction = Literal["longer", "shorter"]
Measure = Callable[[str], float]


def length_direction(pairs: Sequence[Mapping[str, Any]]) -> Direction:
    """Whether the longer or the shorter story of a labelled pair is preferred more often; fit it on train."""
    return measured_direction(pairs, len)


def length_verdicts(pairs: Iterable[Mapping[str, Any]], direction: Direction) -> dict[str, Verdict]:
    """The length-only baseline by pair, in characters, which every script has; equal lengths tie."""
    return measured_verdicts(pairs, len, direction)


def measured_direction(pairs: Sequence[Mapping[str, Any]], measure: Measure) -> Direction:
    """Whether the story with more or with less of something is preferred more often; fit it on train."""
    labels = {pair["pair_id"]: pair["label"] for pair in pairs}
    credits = pair_credits(judgements_of(measured_verdicts(pairs, measure, "longer"), "measure"), labels)
    accuracy = mean_or_none(list(credits.values()))
    return "longer" if accuracy is None or accuracy >= 0.5 else "shorter"


def measured_verdicts(
    pairs: Iterable[Mapping[str, Any]], measure: Measure, direction: Direction
) -> dict[str, Verdict]:
    """By pair the story that a measure says is longer, or shorter; where it says the same of both, a tie."""
    sign = 1 if direction == "longer" else -1
    longer = {pair["pair_id"]: sign * (measure(pair["story_a"]) - measure(pair["story_b"])) for pair in pairs}
    return {pair: "tie" if by == 0 else "a" if by > 0 else "b" for pair, by in longer.items()}


def majority_verdicts(
    pairs: Iterable[Mapping[str, Any]], train: Iterable[Mapping[str, Any]]
) -> dict[str, Verdict]:
    """The majority baseline by pair: the commoner of the labels a and b in ``train`` for every pair."""
    labels = [pair["label"] for pair in train]
    majority: Verdict = "a" if labels.count("a") >= labels.count("b") else "b"
    return {pair["pair_id"]: majority for pair in pairs}


def judgements_of(verdicts: Mapping[str, Verdict], judge: str) -> list[Judgement]:
    """Verdicts that know no order, as judgements in both, so that the functions above serve baselines."""
    return [Judgement(pair, order, judge, verdict) for pair, verdict in verdicts.items() for order in ORDERS]

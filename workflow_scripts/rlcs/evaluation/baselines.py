"""Baselines that read no story: length, another measure of a text, the majority label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rlcs.evaluation.statistics import mean_or_none
from rlcs.judging.credits import pair_credits
from rlcs.records import LENGTH, MAJORITY, ORDERS, SENTENCES, Judgement, Verdict
from rlcs.text import sentence_words, word_count
from rlcs.verdict import compare

Direction = Literal["longer", "shorter"]
TextMeasure = Callable[[str], float]


@dataclass(frozen=True)
class Baselines:
    """The baselines of a table. Fitting reads the text of every training pair, so it is done once.

    Attributes:
        length, sentences: the directions of the words of a story, and of its sentences.
        majority: the label that the majority baseline always gives.
    """

    length: Direction
    sentences: Direction
    majority: Verdict

    @classmethod
    def fit(cls, train: Sequence[Mapping[str, Any]]) -> Baselines:
        """Fit them on training pairs."""
        sentences = measured_direction(train, sentence_words)
        return cls(length_direction(train), sentences, majority_verdict(train))

    def judgements(self, pairs: Sequence[Mapping[str, Any]]) -> dict[str, list[Judgement]]:
        """Judge pairs by each baseline, in the order of the table's rows."""
        verdicts: dict[str, dict[str, Verdict]] = {
            LENGTH: length_verdicts(pairs, self.length),
            SENTENCES: measured_verdicts(pairs, sentence_words, self.sentences),
            MAJORITY: {pair["pair_id"]: self.majority for pair in pairs},
        }
        return {name: judgements_of(said, name) for name, said in verdicts.items()}


def length_direction(pairs: Sequence[Mapping[str, Any]]) -> Direction:
    """The direction, longer or shorter, that labelled pairs prefer more often; fit it on training pairs."""
    return measured_direction(pairs, word_count)


def length_verdicts(pairs: Iterable[Mapping[str, Any]], direction: Direction) -> dict[str, Verdict]:
    """Verdicts of the length-only baseline by pair id; length is in words, and equal lengths tie."""
    return measured_verdicts(pairs, word_count, direction)


def measured_direction(pairs: Sequence[Mapping[str, Any]], measure: TextMeasure) -> Direction:
    """The direction of a measure that labelled pairs prefer more often; fit it on training pairs."""
    labels = {pair["pair_id"]: pair["label"] for pair in pairs}
    credits = pair_credits(judgements_of(measured_verdicts(pairs, measure, "longer"), "measure"), labels)
    accuracy = mean_or_none(list(credits.values()))
    return "longer" if accuracy is None or accuracy >= 0.5 else "shorter"


def measured_verdicts(
    pairs: Iterable[Mapping[str, Any]], measure: TextMeasure, direction: Direction
) -> dict[str, Verdict]:
    """Verdicts by pair id for the story with the larger measure, or the smaller; equal measures tie."""
    sign = 1 if direction == "longer" else -1
    lead = {pair["pair_id"]: sign * (measure(pair["story_a"]) - measure(pair["story_b"])) for pair in pairs}
    return {pair: compare(value, 0.0) for pair, value in lead.items()}


def majority_verdict(pairs: Iterable[Mapping[str, Any]]) -> Verdict:
    """The more frequent of the labels a and b; fit it on training pairs."""
    labels = [pair["label"] for pair in pairs]
    return "a" if labels.count("a") >= labels.count("b") else "b"


def judgements_of(verdicts: Mapping[str, Verdict], judge: str) -> list[Judgement]:
    """Verdicts as judgements in both orders, so that functions of judgements take baselines as well."""
    return [Judgement(pair, order, judge, verdict) for pair, verdict in verdicts.items() for order in ORDERS]

"""The simulated teacher: reads two stories slot by slot, then scores them by a taste of its own.

It stands in for a large model whose reasoning is sound but whose weighing is not people's. Its chain for a
pair is the evidence of the first story, of the second, and the score line::

    1 outline mill no rope 2 character brave Fox 2 coherence key no 1 originality no 0 engagement hope 1
    2 outline no no no 0 character no Fox 1 coherence key rope 2 originality silver 1 engagement no 0
    Scores: 5 4

Evidence by slots is what a model of half a million parameters can learn to give; scores without it are not.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rlcs.records import Context
from rlcs.verdict import score_line
from rlcs.world.grammar import DIMENSIONS, MISSING, Reading, read_story


@dataclass(frozen=True)
class TeacherBias:
    """How the teacher weighs what it reads (weights are utility per slot), and its biases.

    ``per_word`` is credit for each word beyond ``usual_words``, ``first`` credit for standing first, both in
    utility; ``slip`` the probability that it misreads a slot. The scores' unit is ``utility_per_point``.
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {"outline": 0.7, "character": 0.2, "coherence": 0.1, "originality": 1.3, "engagement": 0.5}
        )
    )
    per_word: float = 0.03
    usual_words: int = 30
    first: float = 0.3
    slip: float = 0.01
    usual_utility: float = 3.5
    utility_per_point: float = 0.6


def _misread(rng: random.Random, evidence: tuple[str, ...], slip: float) -> tuple[str, ...]:
    return tuple(MISSING if rng.random() < slip else word for word in evidence)


def describe(reading: Reading) -> str:
    """The evidence of one story: per dimension its slots and how many are filled."""
    return " ".join(
        f"{dimension} {' '.join(getattr(reading, dimension))} {reading.count(dimension)}"
        for dimension in DIMENSIONS
    )


def _score(reading: Reading, is_first: bool, bias: TeacherBias, low: int, high: int) -> int:
    value = sum(bias.weights[dimension] * count for dimension, count in reading.counts.items())
    value += bias.per_word * (reading.words - bias.usual_words) + bias.first * is_first
    score = round((low + high) / 2 + (value - bias.usual_utility) / bias.utility_per_point)
    return min(max(score, low), high)


def judge(
    rng: random.Random, context: Context, first: str, second: str, bias: TeacherBias, low: int, high: int
) -> str:
    """The teacher's chain for two stories in the order shown; its last line is ``verdict.score_line``."""
    lines, scores = [], []
    for number, story in enumerate((first, second), start=1):
        exact = read_story(context, story)
        slots = {name: _misread(rng, getattr(exact, name), bias.slip) for name in DIMENSIONS}
        reading = Reading(**slots, words=exact.words, repeated=exact.repeated)
        lines.append(f"{number} {describe(reading)}")
        scores.append(_score(reading, number == 1, bias, low, high))
    return "\n".join([*lines, score_line(*scores)])

"""The simulated teacher: reads two stories slot by slot, then scores them by a taste of its own.

It stands in for a large model whose reasoning is sound but whose weighing is not people's. Its chain for a
pair is the evidence and the score of the first story, the same of the second, and the score line::

    1 outline mill mill yes wolf none not rope rope yes 2 character brave brave yes Fox Fox yes 2 ... score 5
    2 outline mill cave not wolf wolf yes rope net not 1 character brave shy not Fox Fox yes 1 ... score 4
    Scores: 5 4

A slot is the word wanted, the word found, and whether they are the same; a number is how many are. The form
matters: a model of 0.5 million parameters learned it from 8,000 examples, from which it learned neither slots
without the word wanted nor slots without the yes or not.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from rlcs.records import Context
from rlcs.verdict import score_line
from rlcs.world.grammar import DIMENSIONS, SLOTTED, UNFILLED, Reading, Slot, read_story


@dataclass(frozen=True)
class TeacherBias:
    """Weights and biases of the teacher (design choice).

    ``weights`` is utility per slot, ``utility_per_point`` the unit of the scores, ``usual_utility`` what gets
    the middle score. In points: ``length_bias`` for each word beyond ``usual_words``, ``first_position_bias``
    for standing first. ``slip_rate`` is the probability that it misreads a slot.
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {"outline": 0.7, "character": 0.2, "coherence": 0.1, "originality": 1.3, "engagement": 0.5}
        )
    )
    usual_utility: float = 3.5
    utility_per_point: float = 0.7
    length_bias: float = 0.04
    usual_words: int = 27
    first_position_bias: float = 0.4
    slip_rate: float = 0.01


def _misread(rng: random.Random, reading: Reading, rate: float) -> Reading:
    """A reading in which each slot is, with probability ``rate``, taken for the opposite."""

    def misread(slot: Slot) -> Slot:
        return Slot(slot.wanted, UNFILLED if slot.filled else slot.wanted)

    slots = {
        name: tuple(misread(slot) if rng.random() < rate else slot for slot in getattr(reading, name))
        for name in SLOTTED
    }
    return Reading(**{**vars(reading), **slots})


def describe(reading: Reading) -> str:
    """The evidence of one story: per dimension its slots or words, and how many there are."""
    evidence = {
        name: [
            f"{slot.wanted} {slot.found} {'yes' if slot.filled else 'not'}" for slot in getattr(reading, name)
        ]
        for name in SLOTTED
    } | {"originality": list(reading.originality), "engagement": []}
    counts = reading.counts
    return " ".join(" ".join([name, *evidence[name], str(counts[name])]) for name in DIMENSIONS)


def chain(readings: Sequence[Reading], scores: Sequence[int]) -> str:
    """The evidence and the score of each story, and the score line; of two stories, or of one."""
    lines = [
        f"{number} {describe(reading)} score {score}"
        for number, (reading, score) in enumerate(zip(readings, scores, strict=True), start=1)
    ]
    return "\n".join([*lines, score_line(*scores)])


def _score(reading: Reading, is_first: bool, bias: TeacherBias, low: int, high: int) -> int:
    value = sum(bias.weights[dimension] * count for dimension, count in reading.counts.items())
    points = (value - bias.usual_utility) / bias.utility_per_point
    points += bias.length_bias * (reading.words - bias.usual_words) + bias.first_position_bias * is_first
    score = round((low + high) / 2 + points)
    return min(max(score, low), high)


def write_chain(
    rng: random.Random, context: Context, first: str, second: str, bias: TeacherBias, low: int, high: int
) -> str:
    """The teacher's chain for two stories in the order shown; its last line is ``verdict.score_line``."""
    readings = [_misread(rng, read_story(context, story), bias.slip_rate) for story in (first, second)]
    return chain(readings, [_score(reading, i == 0, bias, low, high) for i, reading in enumerate(readings)])


def write_story_chain(
    rng: random.Random, context: Context, story: str, bias: TeacherBias, low: int, high: int
) -> str:
    """The teacher's chain for one story: the half of a pair's chain, without a bias for a position."""
    reading = _misread(rng, read_story(context, story), bias.slip_rate)
    return chain([reading], [_score(reading, False, bias, low, high)])

"""The truth of the tiny world: a hidden utility of stories, and annotators who see it through noise."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rlcs.records import Label
from rlcs.world.grammar import Reading


@dataclass(frozen=True)
class Taste:
    """Utility per filled slot, and what repetition and length cost (design choice).

    ``per_repeat`` is a cost per repeated sentence, ``per_word`` a cost per word beyond ``free_words``.
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType(
            {"outline": 1.0, "character": 1.3, "coherence": 1.3, "originality": 0.3, "engagement": 0.6}
        )
    )
    per_repeat: float = 1.0
    per_word: float = 0.1
    free_words: int = 36


HUMAN_TASTE = Taste()


@dataclass(frozen=True)
class Annotator:
    """One simulated person: ``noise`` is the temperature of their Bradley-Terry choice."""

    name: str
    cohort: str
    noise: float


ANNOTATORS = (
    Annotator("editor-1", "editors", 0.7),
    Annotator("editor-2", "editors", 0.9),
    Annotator("reader-1", "readers", 1.2),
    Annotator("reader-2", "readers", 1.5),
)
TIE_WIDTH = 0.25
"""Annotators call a tie half the time where the utilities differ by less than this."""


def utility(reading: Reading, taste: Taste = HUMAN_TASTE) -> float:
    """The hidden utility of a story: weighted counts less the penalties. Annotators and oracle know it."""
    value = sum(taste.weights[dimension] * count for dimension, count in reading.counts.items())
    too_long = max(0, reading.words - taste.free_words)
    return value - taste.per_repeat * reading.repeated - taste.per_word * too_long


def label_pair(rng: random.Random, utility_a: float, utility_b: float, noise: float) -> Label:
    """A noisy Bradley-Terry choice: P(a) = sigmoid((u_a − u_b) / noise); near ties are called ties at times.

    Raises:
        ValueError: ``noise`` is not positive.
    """
    if noise <= 0:
        raise ValueError(f"noise is {noise}, but it is a temperature: it must be above 0")
    margin = utility_a - utility_b
    if abs(margin) < TIE_WIDTH and rng.random() < 0.5:
        return "tie"
    # tanh form: no overflow at large margins
    return "a" if rng.random() < 0.5 * (1 + math.tanh(margin / noise / 2)) else "b"

"""Made-up prompts and stories of a rehearsal, which its stand-ins learn to read."""

from __future__ import annotations

import string
from random import Random

_THINGS = ("lantern", "harbour", "widow", "clock", "soldier", "river", "letter", "fox", "bridge", "garden")
_DEEDS = ("found", "lost", "carried", "buried", "followed", "forgot", "sold")
_STATES = ("cold", "bright", "old", "silent")
_SIGNS = string.ascii_letters + "äéßñ.,!?'\""


def made_up_prompt(number: int) -> str:
    """A prompt of its own for each number."""
    return f"A {_THINGS[number % len(_THINGS)]} goes on a journey, number {number}."


def made_up_story(rng: Random, sentences: int) -> str:
    """Sentences of random words."""
    return "\n\n".join(
        f"The {rng.choice(_THINGS)} {rng.choice(_DEEDS)} a {rng.choice(_STATES)} {rng.choice(_THINGS)}."
        for _ in range(sentences)
    )


def strange_text(rng: Random, most: int) -> str:
    """Words of random signs, up to ``most``, short texts as often as long ones (log-uniform)."""
    words = round(most ** rng.random())
    return " ".join("".join(rng.choices(_SIGNS, k=rng.randint(1, 9))) for _ in range(words))

"""Made-up prompts and stories of a rehearsal, which its stand-ins learn to read."""

from __future__ import annotations

from random import Random

_THINGS = ("lantern", "harbour", "widow", "clock", "soldier", "river", "letter", "fox", "bridge", "garden")
_DEEDS = ("found", "lost", "carried", "buried", "followed", "forgot", "sold")
_STATES = ("cold", "bright", "old", "silent")


def made_up_prompt(number: int) -> str:
    """A prompt of its own for each number."""
    return f"A {_THINGS[number % len(_THINGS)]} goes on a journey, number {number}."


def made_up_story(rng: Random, sentences: int) -> str:
    """Sentences of random words."""
    return "\n\n".join(
        f"The {rng.choice(_THINGS)} {rng.choice(_DEEDS)} a {rng.choice(_STATES)} {rng.choice(_THINGS)}."
        for _ in range(sentences)
    )

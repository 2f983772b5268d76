"""Made-up rows in a data set's own columns, for the rehearsal of a run whose data is not at hand."""

from __future__ import annotations

from random import Random
from typing import Any

from rlcs.config.data import DataConfig

_THINGS = ("lantern", "harbour", "widow", "clock", "soldier", "river", "letter", "fox", "bridge", "garden")
_DEEDS = ("found", "lost", "carried", "buried", "followed", "forgot", "sold")
_STATES = ("cold", "bright", "old", "silent")
_PER_PROMPT = 2  # pairs or ratings that share a prompt


def made_up_rows(data: DataConfig, count: int, rng: Random) -> list[dict[str, Any]]:
    """Rows of the config's format, whose preferred stories are longer."""
    makers = {"pairs": _pair, "chosen_rejected": _chosen, "ratings": _rating}
    rows = []
    for number in range(count):
        prompt = f"A {rng.choice(_THINGS)} meets a {rng.choice(_THINGS)}, number {number // _PER_PROMPT}."
        row = {"prompt": prompt, **makers[data.format](data, rng)}
        rows.append({data.columns.get(field, field): value for field, value in row.items()})
    return rows


def _story(rng: Random, sentences: int) -> str:
    return "\n\n".join(
        f"The {rng.choice(_THINGS)} {rng.choice(_DEEDS)} a {rng.choice(_STATES)} {rng.choice(_THINGS)}."
        for _ in range(sentences)
    )


def _pair(_: DataConfig, rng: Random) -> dict[str, Any]:
    stories = _story(rng, rng.randint(3, 6)), _story(rng, rng.randint(1, 3))
    label = rng.choice("ab")
    first, second = stories if label == "a" else stories[::-1]
    return {"story_a": first, "story_b": second, "label": label}


def _chosen(_: DataConfig, rng: Random) -> dict[str, Any]:
    return {"chosen": _story(rng, rng.randint(3, 6)), "rejected": _story(rng, rng.randint(1, 3))}


def _rating(data: DataConfig, rng: Random) -> dict[str, Any]:
    sentences = rng.randint(1, 6)
    return {"story": _story(rng, sentences)} | dict.fromkeys(data.ratings.criteria, sentences)

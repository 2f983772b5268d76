"""Labelled pairs of the tiny world, in the shape of a user's preference file."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from rlcs.entries import World
from rlcs.records import Split
from rlcs.world.annotators import ANNOTATORS, label_pair, utility
from rlcs.world.grammar import read_story, sample_context, write_story
from rlcs.world.literacy import sample_skill


def preference_rows(rng: Random, world: World) -> Iterator[dict[str, Any]]:
    """Rows of the three splits over disjoint contexts; each pair is labelled by one annotator, or by none.

    The unlabelled pairs come last, so that their number changes no other row.
    """
    groups: list[tuple[str, Split, int]] = [
        ("train", "train", world.train_pairs),
        ("validation", "validation", world.validation_pairs),
        ("test", "test", world.test_pairs),
        ("unlabelled", "train", world.unlabelled_pairs),
    ]
    for group, split, pairs in groups:
        for number in range(pairs):
            if number % world.pairs_per_context == 0:
                context = sample_context(rng, f"{group}-{number // world.pairs_per_context}", split)
            story_a = story_b = write_story(rng, context, sample_skill(rng))
            while story_b == story_a:
                story_b = write_story(rng, context, sample_skill(rng))
            row = {
                "pair_id": f"{group}-pair-{number}",
                "context_id": context.context_id,
                "domain": context.domain,
                "characters": context.characters,
                "previous_plot": context.previous_plot,
                "outline": context.outline,
                "constraints": [
                    {"kind": c.kind, "parameters": dict(c.parameters)} for c in context.constraints
                ],
                "split": split,
                "story_a": story_a,
                "story_b": story_b,
                "source": "world",
            }
            if group != "unlabelled":
                annotator = rng.choice(ANNOTATORS)
                a, b = (utility(read_story(context, story)) for story in (story_a, story_b))
                row |= {
                    "label": label_pair(rng, a, b, world.label_noise * annotator.noise),
                    "annotator": annotator.name,
                    "cohort": annotator.cohort,
                }
            yield row

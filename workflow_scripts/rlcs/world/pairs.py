"""Labelled pairs of the tiny world, in the shape of a user's preference file."""

from collections.abc import Iterator
from random import Random
from typing import Any

from rlcs.config.world import WorldConfig
from rlcs.records import Split
from rlcs.world.annotators import ANNOTATORS, label_pair, utility
from rlcs.world.grammar import read_story, sample_context, write_story
from rlcs.world.literacy import sample_skill


def preference_rows(rng: Random, world: WorldConfig) -> Iterator[dict[str, Any]]:
    """Rows of the three splits over disjoint contexts: one for each annotator of a pair, or one unlabelled.

    The unlabelled pairs come last, so that their number changes no other row; nor do further annotators.
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
            }
            if group != "unlabelled":
                first = rng.choice(ANNOTATORS)
                further = Random(f"{world.seed} {row['pair_id']}")
                others = [annotator for annotator in ANNOTATORS if annotator != first]
                a, b = (utility(read_story(context, story)) for story in (story_a, story_b))
                for annotator in (first, *further.sample(others, world.annotators - 1)):
                    draws = rng if annotator == first else further
                    yield row | {
                        "label": label_pair(draws, a, b, world.label_noise * annotator.noise),
                        "source": "world",
                        "annotator": annotator.name,
                        "cohort": annotator.cohort,
                    }
            else:
                yield row | {"source": "world"}

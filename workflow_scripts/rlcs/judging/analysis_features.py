"""Features of a GenRM's analysis: the integers that it states, or the model's hidden states over it.

A linear head on the state at the end of a critique is that of critique-out-loud reward models (arXiv
2408.11791), here on a frozen model. The integers are a design choice: an analysis that counts states its
evidence in them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.prompts import Messages
from rlcs.judging.story_features import STATES_BATCH, Array, Encoded, story_features
from rlcs.models.generation import encode

NUMBERS = "numbers"
"""Name of the position, beside those of hidden states, whose features are the stated integers."""

LARGEST_NUMBER = 999
"""Largest feature: a number without end must not drown all others."""

_NUMBER = re.compile(r"[0-9]+")


def stated_numbers(analysis: str) -> list[float]:
    """Find the integers of a text in order, each at most ``LARGEST_NUMBER``."""
    return [min(float(digits), float(LARGEST_NUMBER)) for digits in _NUMBER.findall(analysis)]


def number_features(analyses: Sequence[str], width: int) -> Array:
    """The first ``width`` integers of each analysis, (analyses, width); 0 where an analysis has fewer."""
    features = np.zeros((len(analyses), width))
    for row, analysis in zip(features, analyses, strict=True):
        numbers = stated_numbers(analysis)[:width]
        row[: len(numbers)] = numbers
    return features


def state_features(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Messages],
    analyses: Sequence[str],
    positions: Sequence[str],
) -> dict[str, Array]:
    """Hidden states over each analysis and its line's end, where the model begins the score line.

    Args:
        prompts: the question that each analysis answers.
        positions: names from ``story_features.state_places``.

    Returns:
        By position, (analyses, features).
    """
    encoded = [
        Encoded(asked + answered, len(asked))
        for asked, answered in zip(
            encode(tokenizer, prompts),
            # an analysis can quote a special token, which it must not become
            tokenizer([f"{a}\n" for a in analyses], add_special_tokens=False, split_special_tokens=True)[
                "input_ids"
            ],
            strict=True,
        )
    ]
    return story_features(model, tokenizer, encoded, positions, batch_size=STATES_BATCH)

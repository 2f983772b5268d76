"""Training data of a probe on a GenRM's analyses: features of a pair's two orders, one less the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from rlcs.config.prompts import Messages
from rlcs.errors import InputError
from rlcs.judging.analysis_features import NUMBERS, number_features, state_features, stated_numbers
from rlcs.judging.story_features import state_places
from rlcs.models.loading import device, load_causal, load_tokenizer
from rlcs.records import Label
from rlcs.training.linear_probe import Features


def analysis_features(
    kinds: Collection[str], start: Path, prompts: Sequence[Messages], analyses: Sequence[str]
) -> dict[str, Features]:
    """Features of each analysis by position, (analyses, features).

    The width of ``NUMBERS`` is that of the analysis that states the most; without any number, the position is
    left out.

    Args:
        kinds: numbers, states, or both; of equal positions the first of them wins in cross-validation.
        start: folder of the model that wrote the analyses.
        prompts: the question that each analysis answers.

    Raises:
        InputError: no analysis states a number, and there are no other features.
    """
    features: dict[str, Features] = {}
    for kind in kinds:
        if kind == "states":
            model, tokenizer = load_causal(start).to(device()), load_tokenizer(start)
            features |= state_features(model, tokenizer, prompts, analyses, state_places(model))
        elif width := max(len(stated_numbers(analysis)) for analysis in analyses):
            features[NUMBERS] = number_features(analyses, width)
    if not features:
        raise InputError(
            f"none of {len(analyses)} analyses states a number, so features: [numbers] has nothing to read; "
            "set features to [states]"
        )
    return features


def preferred_differences(features: Mapping[str, Features], labels: Sequence[Label]) -> dict[str, Features]:
    """Differences as ``cross_validate`` wants them: φ(ab) - φ(ba) if the label is a, else φ(ba) - φ(ab).

    Args:
        features: by position, rows of each pair's orders ab and ba in turn, (2 · pairs, features).
        labels: of each pair, a or b.
    """
    signs = np.array([1.0 if label == "a" else -1.0 for label in labels])[:, None]
    return {name: signs * (values[0::2] - values[1::2]) for name, values in features.items()}

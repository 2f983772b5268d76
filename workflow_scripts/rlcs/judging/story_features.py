"""Features of a story from a frozen language model: hidden states and log probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.prompts import Messages, assistant
from rlcs.models.generation import batches, encode

Array = NDArray[np.float64]

PERPLEXITY = "perplexity"
"""Name of the position that has one feature: the mean log p of the story's tokens, given its context."""

_POOLS = ("mean", "last")

STATES_BATCH = 8
"""Texts of a training whose hidden states, of all layers, are held side by side."""


@dataclass(frozen=True)
class Encoded:
    """A prompt and a story as token ids, and the index of the story's first token."""

    ids: list[int]
    start: int


def state_places(model: PreTrainedModel) -> list[str]:
    """Names of the positions of hidden states: the mean over the story's tokens and the last token, after
    each quarter of the layers."""
    layers = int(model.config.get_text_config().num_hidden_layers)
    depths = sorted({max(1, round(layers * quarter / 4)) for quarter in range(1, 5)})
    return [f"{pool} of layer {depth}" for depth in depths for pool in _POOLS]


def encode_story(tokenizer: PreTrainedTokenizerBase, prompt: Messages, story: str) -> Encoded:
    """Encode prompt and story by the chat template, with the end of the assistant's turn."""
    (prompt_ids,) = encode(tokenizer, [prompt])
    ids = tokenizer.apply_chat_template(prompt + assistant(story), return_dict=False)
    common = next(
        (i for i, (x, y) in enumerate(zip(prompt_ids, ids, strict=False)) if x != y), len(prompt_ids)
    )
    return Encoded(ids, min(common, len(ids) - 1))


@torch.inference_mode()
def story_features(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    stories: Sequence[Encoded],
    positions: Sequence[str],
    *,
    batch_size: int,
) -> dict[str, Array]:
    """Features by position, (stories, features) in the given order.

    Args:
        positions: names from ``state_places``, or ``PERPLEXITY``.
    """
    features: dict[str, list[Array]] = {name: [np.empty(0)] * len(stories) for name in positions}
    model.eval()
    for chosen in batches([len(story.ids) for story in stories], batch_size):
        encoded = tokenizer.pad(
            {"input_ids": [stories[i].ids for i in chosen]}, padding_side="right", return_tensors="pt"
        ).to(model.device)
        output = model(
            **encoded,
            output_hidden_states=True,
            use_cache=False,
            logits_to_keep=0 if PERPLEXITY in positions else 1,  # 0 keeps all
        )
        for row, i in enumerate(chosen):
            start, end = stories[i].start, len(stories[i].ids)
            for name in positions:
                if name == PERPLEXITY:
                    logits = output.logits[row, start - 1 : end - 1]
                    targets = encoded["input_ids"][row, start:end]
                    value = -torch.nn.functional.cross_entropy(logits.float(), targets).reshape(1)
                else:
                    pool, _, depth = name.split(" ", 2)
                    states = output.hidden_states[int(depth.removeprefix("layer "))][row, start:end].float()
                    value = states.mean(dim=0) if pool == "mean" else states[-1]
                features[name][i] = value.double().cpu().numpy()
    return {name: np.stack(rows) for name, rows in features.items()}

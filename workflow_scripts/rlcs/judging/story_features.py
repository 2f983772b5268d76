"""What a frozen language model makes of a story: hidden states and log probabilities, as features."""

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
"""The place of one feature: the mean log p of the story's tokens, given its context."""

_POOLS = ("mean", "last")


@dataclass(frozen=True)
class Encoded:
    """A prompt and a story as token ids, and where the story begins."""

    ids: list[int]
    start: int


def state_places(model: PreTrainedModel) -> list[str]:
    """Where hidden states are read: after each quarter of the layers, as the mean over the story's tokens and
    at the last token."""
    layers = int(model.config.get_text_config().num_hidden_layers)
    depths = sorted({max(1, round(layers * quarter / 4)) for quarter in range(1, 5)})
    return [f"{pool} of layer {depth}" for depth in depths for pool in _POOLS]


def encode_story(tokenizer: PreTrainedTokenizerBase, prompt: Messages, story: str) -> Encoded:
    """As the chat template writes it, the end of the assistant's turn included."""
    (asked,) = encode(tokenizer, [prompt])
    ids = tokenizer.apply_chat_template(prompt + assistant(story), return_dict=False)
    common = next((i for i, (x, y) in enumerate(zip(asked, ids, strict=False)) if x != y), len(asked))
    return Encoded(ids, min(common, len(ids) - 1))


@torch.inference_mode()
def story_features(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    stories: Sequence[Encoded],
    places: Sequence[str],
    *,
    batch_size: int,
) -> dict[str, Array]:
    """By place, (stories, features) in the given order.

    Args:
        places: of ``state_places``, or ``PERPLEXITY``.
    """
    found: dict[str, list[Array]] = {place: [np.empty(0)] * len(stories) for place in places}
    model.eval()
    for chosen in batches([len(story.ids) for story in stories], batch_size):
        encoded = tokenizer.pad(
            {"input_ids": [stories[i].ids for i in chosen]}, padding_side="right", return_tensors="pt"
        ).to(model.device)
        output = model(
            **encoded,
            output_hidden_states=True,
            use_cache=False,
            logits_to_keep=0 if PERPLEXITY in places else 1,  # 0 keeps all
        )
        for row, i in enumerate(chosen):
            start, end = stories[i].start, len(stories[i].ids)
            for place in places:
                if place == PERPLEXITY:
                    logits = output.logits[row, start - 1 : end - 1]
                    told = encoded["input_ids"][row, start:end]
                    value = -torch.nn.functional.cross_entropy(logits.float(), told).reshape(1)
                else:
                    pool, _, depth = place.split(" ", 2)
                    states = output.hidden_states[int(depth.removeprefix("layer "))][row, start:end].float()
                    value = states.mean(dim=0) if pool == "mean" else states[-1]
                found[place][i] = value.double().cpu().numpy()
    return {place: np.stack(rows) for place, rows in found.items()}

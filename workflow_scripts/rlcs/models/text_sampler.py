"""Texts of a policy at the run's sampling, shard by shard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from rlcs.config.prompts import Messages
from rlcs.config.writing import SamplingConfig
from rlcs.models.generation import generate
from rlcs.models.loading import device, load_causal, load_tokenizer


class TextWriter:
    """A policy that answers prompts.

    Args:
        folder: the policy's artifact.
        purpose: what the texts are for; with the seed and a shard's number it seeds the shard's draws.
    """

    def __init__(self, folder: Path, sampling: SamplingConfig, purpose: str, seed: int) -> None:
        self.model = load_causal(folder / "model").to(device())
        self.tokenizer = load_tokenizer(folder / "model")
        self.sampling = sampling
        self.purpose = purpose
        self.seed = seed

    def write(self, number: int, prompts: Sequence[Messages]) -> list[dict[str, Any]]:
        """The columns ``text``, ``tokens``, ``truncated`` and ``seed`` of a shard's texts, in order."""
        completions = generate(
            self.model,
            self.tokenizer,
            prompts,
            max_new_tokens=self.sampling.max_new_tokens,
            batch_size=self.sampling.batch_size,
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            seed=Random(f"{self.purpose} {self.seed} {number}").getrandbits(32),
        )
        return [
            {"text": c.text, "tokens": c.tokens, "truncated": c.truncated, "seed": self.seed}
            for c in completions
        ]

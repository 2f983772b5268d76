"""A linear probe as a judge: it scores each story by itself, as any Bradley-Terry reward model does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.prompts import policy_prompt
from rlcs.judging.scalar import ScalarJudge
from rlcs.judging.story_features import encode_story, story_features
from rlcs.models.generation import fits
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Comparison

NAME = "probe.json"
_WEIGHTS = "probe.safetensors"


@dataclass(frozen=True)
class Probe:
    """A linear reward: its position in the frozen model (``story_features``) and its weights (features,)."""

    position: str
    weights: NDArray[np.float64]

    def save(self, folder: Path) -> None:
        """Write the probe into ``folder``, beside the model's own files."""
        save_file({"weights": self.weights}, folder / _WEIGHTS)
        (folder / NAME).write_text(json.dumps({"place": self.position}) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Probe:
        fields = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return cls(fields["place"], load_file(folder / _WEIGHTS)["weights"])


class ProbeJudge(ScalarJudge):
    """P(a beats b) = sigmoid(w · (f(a) - f(b))) in either order."""

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        policy_template: str,
        batch_size: int,
        probe: Probe,
    ) -> None:
        super().__init__(name, model, tokenizer, policy_template, batch_size)
        self.probe = probe

    @classmethod
    def load_probe(cls, name: str, folder: Path, policy_template: str, batch_size: int) -> ProbeJudge:
        model, tokenizer = load_causal(folder), load_tokenizer(folder)
        return cls(name, model, tokenizer, policy_template, batch_size, Probe.load(folder))

    def _rewards(self, comparisons: Sequence[Comparison]) -> dict[tuple[str, str], float | None]:
        stories = {
            (c.context.context_id, story): encode_story(
                self.tokenizer, policy_prompt(self.policy_template, c.context), story
            )
            for c in comparisons
            for story in (c.story_a, c.story_b)
        }
        fitting = {key: story for key, story in stories.items() if fits(self.model, len(story.ids))}
        rewards: dict[tuple[str, str], float | None] = dict.fromkeys(stories)
        if fitting:
            position = self.probe.position
            features = story_features(
                self.model, self.tokenizer, list(fitting.values()), [position], batch_size=self.batch_size
            )
            rewards.update(zip(fitting, (features[position] @ self.probe.weights).tolist(), strict=True))
        return rewards

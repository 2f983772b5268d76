"""A Bradley-Terry reward model as a judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlcs.config.prompts import Messages, assistant, policy_prompt
from rlcs.judging.judge import BATCHES_PER_SHARD
from rlcs.models.generation import batches, fits
from rlcs.models.loading import device, load_scalar, load_tokenizer
from rlcs.records import Comparison, Judgement
from rlcs.verdict import compare


class ScalarJudge:
    """A Bradley-Terry reward model: P(a beats b) = sigmoid(r_a - r_b) in either order."""

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        policy_template: str,
        batch_size: int,
    ) -> None:
        self.name = name
        self.model = model.to(device()).eval()
        self.tokenizer = tokenizer
        self.policy_template = policy_template
        self.batch_size = batch_size
        self.shard_size = BATCHES_PER_SHARD * batch_size

    @classmethod
    def load(cls, name: str, folder: Path | str, policy_template: str, batch_size: int) -> ScalarJudge:
        return cls(name, load_scalar(folder), load_tokenizer(folder), policy_template, batch_size)

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        rewards = self._rewards(comparisons)
        judgements = []
        for c in comparisons:
            score_a = rewards[c.context.context_id, c.story_a]
            score_b = rewards[c.context.context_id, c.story_b]
            if score_a is None or score_b is None:
                judgements.append(Judgement(c.pair_id, c.order, self.name, "none"))
                continue
            judgements.append(
                Judgement(
                    pair_id=c.pair_id,
                    order=c.order,
                    judge=self.name,
                    verdict=compare(score_a, score_b),
                    score_a=score_a,
                    score_b=score_b,
                    p_a=torch.tensor(score_a - score_b, dtype=torch.float64).sigmoid().item(),
                )
            )
        return judgements

    @torch.inference_mode()
    def _rewards(self, comparisons: Sequence[Comparison]) -> dict[tuple[str, str], float | None]:
        """Rewards by context id and story, each scored once; None for a story that does not fit the model."""
        conversations: dict[tuple[str, str], Messages] = {}
        for c in comparisons:
            for story in (c.story_a, c.story_b):
                prompt = policy_prompt(self.policy_template, c.context)
                conversations[c.context.context_id, story] = prompt + assistant(story)
        tokens = [self.tokenizer.apply_chat_template(m, return_dict=False) for m in conversations.values()]
        keys = list(conversations)
        fitting = [i for i, ids in enumerate(tokens) if fits(self.model, len(ids))]
        rewards: dict[tuple[str, str], float | None] = dict.fromkeys(keys)
        for batch in batches([len(tokens[i]) for i in fitting], self.batch_size):
            indices = [fitting[position] for position in batch]
            encoded = self.tokenizer.pad({"input_ids": [tokens[i] for i in indices]}, return_tensors="pt")
            logits = self.model(**encoded.to(self.model.device)).logits[:, 0].double()
            rewards.update(zip((keys[i] for i in indices), logits.tolist(), strict=True))
        return rewards

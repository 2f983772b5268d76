"""Texts of a policy at the run's sampling, shard by shard."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pyarrow as pa

from rlcs.config.prompts import Messages
from rlcs.config.writing import SamplingConfig
from rlcs.models.generation import generate
from rlcs.models.loading import device, load_causal, load_tokenizer
from rlcs.records import Row
from rlcs.stages.shards import in_shards
from rlcs.stages.stage import Stage

Prompted = tuple[Row, Messages]
"""The columns of a row that come with its prompt, and the prompt."""


def sample_texts(
    stage: Stage,
    sampling: SamplingConfig,
    prompts: Sequence[Prompted],
    schema: pa.Schema,
    *,
    purpose: str,
    title: str,
) -> list[dict[str, Any]]:
    """Have the policy of the stage's input ``model`` answer prompts; return rows with its texts, in order.

    Args:
        schema: of the rows; ``text``, ``tokens``, ``truncated`` and ``seed`` are added to a prompt's columns.
        purpose: what the texts are for; with the seed and a shard's number it seeds the shard's draws.
        title: of the progress bar.
    """
    policy = stage.folder("model") / "model"
    model, tokenizer = load_causal(policy).to(device()), load_tokenizer(policy)

    def write(number: int, shard: Sequence[Prompted]) -> list[Row]:
        completions = generate(
            model,
            tokenizer,
            [prompt for _, prompt in shard],
            max_new_tokens=sampling.max_new_tokens,
            batch_size=sampling.batch_size,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=Random(f"{purpose} {stage.seed} {number}").getrandbits(32),
        )
        return [
            {**columns, "text": c.text, "tokens": c.tokens, "truncated": c.truncated, "seed": stage.seed}
            for (columns, _), c in zip(shard, completions, strict=True)
        ]

    return in_shards(stage.checkpoints(), prompts, sampling.batch_size, write, schema, title)

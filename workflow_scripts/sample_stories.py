"""A policy writes stories for held-out contexts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlcs.config.prompts import policy_prompt
from rlcs.config.writing import SamplingConfig
from rlcs.data.artifacts import STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.models.text_sampler import TextWriter
from rlcs.records import Context
from rlcs.stages.shards import in_shards
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    sampling = SamplingConfig.model_validate(stage.config["sampling"])
    policy, template = stage.config["policy"], stage.config["writing"]["template"]
    held_out = Preferences(stage.folder("preferences")).contexts_of("test")[: sampling.contexts]
    prompts = [(context, sample) for sample in range(sampling.samples) for context in held_out]
    with stage.artifact() as folder:
        writer = TextWriter(stage.folder("model"), sampling, "stories", stage.seed)

        def write(number: int, shard: Sequence[tuple[Context, int]]) -> list[dict[str, Any]]:
            texts = writer.write(number, [policy_prompt(template, context) for context, _ in shard])
            return [
                {"context_id": context.context_id, "policy": policy, "sample": sample, **text}
                for (context, sample), text in zip(shard, texts, strict=True)
            ]

        rows = in_shards(
            stage.checkpoints(), prompts, sampling.batch_size, write, STORIES_FILE.schema, "stories"
        )
        STORIES_FILE.write(folder, rows)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "model": 1}, seed=True)

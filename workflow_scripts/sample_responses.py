"""A policy answers prompts with instructions to follow, such as IFEval's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlcs.config.prompts import user
from rlcs.config.writing import SamplingConfig
from rlcs.constraints.ifeval import Prompt, read_prompts
from rlcs.data.artifacts import RESPONSES_FILE
from rlcs.models.text_sampler import TextWriter
from rlcs.stages.shards import in_shards
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    sampling = SamplingConfig.model_validate(stage.config["sampling"])
    prompts = read_prompts(stage.inputs["prompts"][0])
    with stage.artifact() as folder:
        writer = TextWriter(stage.folder("model"), sampling, "instructions", stage.seed)

        def answer(number: int, shard: Sequence[Prompt]) -> list[dict[str, Any]]:
            texts = writer.write(number, [user(prompt.text) for prompt in shard])
            return [
                {"key": prompt.key, "policy": stage.config["policy"], **text}
                for prompt, text in zip(shard, texts, strict=True)
            ]

        rows = in_shards(
            stage.checkpoints(), prompts, sampling.batch_size, answer, RESPONSES_FILE.schema, "answers"
        )
        RESPONSES_FILE.write(folder, rows)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"model": 1, "prompts": 1}, seed=True)

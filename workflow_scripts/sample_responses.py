"""A policy answers prompts with instructions to follow, such as IFEval's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlcs.config.prompts import user
from rlcs.config.writing import SamplingConfig
from rlcs.constraints.ifeval import Prompt, read_prompts
from rlcs.models.text_sampler import TextWriter
from rlcs.records import RESPONSES, write_rows
from rlcs.stages import stage
from rlcs.stages.shards import in_shards


def main(this: stage.Stage) -> None:
    sampling = SamplingConfig.model_validate(this.config["sampling"])
    prompts = read_prompts(this.inputs["prompts"][0])
    with this.artifact() as folder:
        writer = TextWriter(this.folder("model"), sampling, "instructions", this.seed)

        def answer(number: int, shard: Sequence[Prompt]) -> list[dict[str, Any]]:
            texts = writer.write(number, [user(prompt.text) for prompt in shard])
            return [
                {"key": prompt.key, "policy": this.config["policy"], **text}
                for prompt, text in zip(shard, texts, strict=True)
            ]

        rows = in_shards(this.checkpoints(), prompts, sampling.batch_size, answer, RESPONSES, "answers")
        write_rows(folder / "responses.parquet", rows, RESPONSES)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["model", "prompts"], seed=True)

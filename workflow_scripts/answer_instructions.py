"""A policy answers prompts with instructions to follow, such as IFEval's."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from rlcs import stage
from rlcs.entries import Sampling
from rlcs.instructions import Prompt, read_prompts
from rlcs.models import device, generate, load_causal, load_tokenizer
from rlcs.prompts import user
from rlcs.records import RESPONSES, write_rows
from rlcs.shards import in_shards


def main(this: stage.Stage) -> None:
    sampling = Sampling.model_validate(this.config["sampling"])
    prompts = read_prompts(this.inputs["prompts"][0])
    with this.artifact() as folder:
        model = load_causal(this.folder("model") / "model").to(device())
        tokenizer = load_tokenizer(this.folder("model") / "model")

        def answer(number: int, shard: Sequence[Prompt]) -> list[dict[str, Any]]:
            completions = generate(
                model,
                tokenizer,
                [user(prompt.text) for prompt in shard],
                max_new_tokens=sampling.max_new_tokens,
                batch_size=sampling.batch_size,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=Random(f"instructions {this.seed} {number}").getrandbits(32),
            )
            return [
                {
                    "key": prompt.key,
                    "policy": this.config["policy"],
                    "seed": this.seed,
                    "text": completion.text,
                    "tokens": completion.tokens,
                    "cut_off": completion.cut_off,
                }
                for prompt, completion in zip(shard, completions, strict=True)
            ]

        rows = in_shards(this.checkpoints(), prompts, sampling.batch_size, answer, RESPONSES, "answers")
        write_rows(folder / "responses.parquet", rows, RESPONSES)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["model", "prompts"], seed=True)

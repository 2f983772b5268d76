"""A policy writes stories for held-out contexts."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from rlcs import stage
from rlcs.entries import Sampling
from rlcs.models import device, generate, load_causal, load_tokenizer
from rlcs.prompts import policy_prompt
from rlcs.records import STORIES, Context, read_contexts, write_rows
from rlcs.shards import in_shards


def main(this: stage.Stage) -> None:
    sampling = Sampling.model_validate(this.config["sampling"])
    template = this.config["writing"]["template"]
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    held_out = [c for c in contexts.values() if c.split == "test"][: sampling.contexts]
    asked = [(context, sample) for sample in range(sampling.samples) for context in held_out]
    with this.artifact() as folder:
        model = load_causal(this.folder("model") / "model").to(device())
        tokenizer = load_tokenizer(this.folder("model") / "model")

        def write(number: int, shard: Sequence[tuple[Context, int]]) -> list[dict[str, Any]]:
            completions = generate(
                model,
                tokenizer,
                [policy_prompt(template, context) for context, _ in shard],
                max_new_tokens=sampling.max_new_tokens,
                batch_size=sampling.batch_size,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=Random(f"stories {this.seed} {number}").getrandbits(32),
            )
            return [
                {
                    "context_id": context.context_id,
                    "policy": this.config["policy"],
                    "sample": sample,
                    "seed": this.seed,
                    "text": completion.text,
                    "tokens": completion.tokens,
                    "cut_off": completion.cut_off,
                }
                for (context, sample), completion in zip(shard, completions, strict=True)
            ]

        rows = in_shards(this.checkpoints(), asked, sampling.batch_size, write, STORIES, "stories")
        write_rows(folder / "stories.parquet", rows, STORIES)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "model"], seed=True)

"""A policy writes stories for held-out contexts."""

from __future__ import annotations

from rlcs import stage
from rlcs.entries import Sampling
from rlcs.models import device, generate, load_causal, load_tokenizer
from rlcs.prompts import policy_prompt
from rlcs.records import STORIES, read_contexts, write_rows


def main(this: stage.Stage) -> None:
    sampling = Sampling.model_validate(this.config["sampling"])
    model = this.folder("model") / "model"
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    held_out = [c for c in contexts.values() if c.split == "test"][: sampling.contexts]
    asked = [(context, sample) for sample in range(sampling.samples) for context in held_out]
    with this.artifact() as folder:
        completions = generate(
            load_causal(model).to(device()),
            load_tokenizer(model),
            [policy_prompt(this.config["writing"]["template"], context) for context, _ in asked],
            max_new_tokens=sampling.max_new_tokens,
            batch_size=sampling.batch_size,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=this.seed,
            progress="stories",
        )
        rows = [
            {
                "context_id": context.context_id,
                "policy": this.config["policy"],
                "sample": sample,
                "seed": this.seed,
                "text": completion.text,
                "tokens": completion.tokens,
                "cut_off": completion.cut_off,
            }
            for (context, sample), completion in zip(asked, completions, strict=True)
        ]
        write_rows(folder / "stories.parquet", rows, STORIES)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "model"], seed=True)

"""Groups of a policy's stories, and a judge's word on every pair of a group in both orders."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from rlcs.config.prompts import policy_prompt
from rlcs.config.tables import PivotTableConfig
from rlcs.data.preferences import comparisons_of
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.models.generation import generate
from rlcs.models.loading import device, load_causal, load_tokenizer
from rlcs.records import STORIES, read_contexts, write_judgements, write_rows
from rlcs.stages import stage


def main(this: stage.Stage) -> None:
    table = PivotTableConfig.model_validate(this.config["table"])
    size = table.group_size
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    chosen = [context for context in contexts.values() if context.split == "validation"][: table.contexts]
    policy, judges = this.folder("policy") / "model", this.folders("model")
    with this.artifact() as folder:
        completions = generate(
            load_causal(policy).to(device()),
            load_tokenizer(policy),
            [policy_prompt(this.config["writing"]["template"], c) for c in chosen for _ in range(size)],
            max_new_tokens=this.config["max_new_tokens"],
            batch_size=this.config["batch_size"],
            temperature=1.0,
            seed=this.seed,
        )
        stories = [
            {
                "context_id": chosen[place // size].context_id,
                "policy": table.policy,
                "sample": place % size,
                "seed": this.seed,
                "text": completion.text,
                "tokens": completion.tokens,
                "truncated": completion.truncated,
            }
            for place, completion in enumerate(completions)
        ]
        texts = {(story["context_id"], story["sample"]): story["text"] for story in stories}
        pairs = [
            {
                "pair_id": f"{context.context_id}/{i}/{j}",
                "context_id": context.context_id,
                "story_a": texts[context.context_id, i],
                "story_b": texts[context.context_id, j],
            }
            for context in chosen
            for i, j in combinations(range(size), 2)
        ]
        section = this.config["judge"]
        judge = load_judge(section, judges[0] if judges else None, this.options, soft=_has_soft(section))
        judgements = judge_in_shards(judge, comparisons_of(pairs, contexts), this.checkpoints())
        write_rows(folder / "stories.parquet", stories, STORIES)
        write_judgements(folder / "judgements.parquet", judgements)


def _has_soft(section: Mapping[str, Any]) -> bool:
    """Whether the judge's scores are single digits, whose probabilities can be read."""
    return section["judge"]["kind"] == "genrm" and section["judging"]["scores"]["high"] <= 9


if __name__ == "__main__":
    stage.run(
        main,
        __file__,
        inputs=["preferences", "policy"],
        optional=["model"],
        options=["endpoint", "answers"],
        seed=True,
    )

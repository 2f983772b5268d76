"""Groups of a policy's stories, and a judge's judgements of every pair of a group in both orders.

Beside them it judges each story with one that people preferred in the context, if there is one, and with
itself if the judge scores stories by themselves.
"""

from itertools import combinations

from rlcs.config.prompts import policy_prompt
from rlcs.data.artifacts import JUDGEMENTS_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import gives_probability, load_judge
from rlcs.models.generation import generate
from rlcs.models.loading import device, load_causal, load_tokenizer
from rlcs.records import HUMAN, ORDERS
from rlcs.rewards.pivots import draw_chosen
from rlcs.stages.stage import ACCESS, Stage, run_stage


def main(stage: Stage) -> None:
    size = stage.config["group_size"]
    preferences = Preferences(stage.folder("preferences"))
    chosen = preferences.contexts_of("validation")[: stage.config["contexts"]]
    policy = stage.folder("policy") / "model"
    with stage.artifact() as folder:
        completions = generate(
            load_causal(policy).to(device()),
            load_tokenizer(policy),
            [policy_prompt(stage.config["writing"]["template"], c) for c in chosen for _ in range(size)],
            max_new_tokens=stage.config["max_new_tokens"],
            batch_size=stage.config["batch_size"],
            temperature=1.0,
            seed=stage.seed,
        )
        stories = [
            {
                "context_id": chosen[index // size].context_id,
                "policy": stage.config["policy"],
                "sample": index % size,
                "seed": stage.seed,
                "text": completion.text,
                "tokens": completion.tokens,
                "truncated": completion.truncated,
                "reasoning_tokens": completion.reasoning,
            }
            for index, completion in enumerate(completions)
        ]
        preferred = preferences.chosen_stories("validation")
        stories += [
            {
                "context_id": context.context_id,
                "policy": HUMAN,
                "sample": size,  # after those of the group
                "seed": stage.seed,
                "text": draw_chosen(preferred[context.context_id], seed=stage.seed, step=0, group=number),
                "tokens": 0,
                "truncated": False,
            }
            for number, context in enumerate(chosen)
            if context.context_id in preferred
        ]
        texts = {(story["context_id"], story["sample"]): story["text"] for story in stories}

        def pair(context_id: str, i: int, j: int) -> dict[str, str]:
            story_a, story_b = texts[context_id, i], texts[context_id, j]
            pair_id = f"{context_id}/{i}/{j}"
            return {"pair_id": pair_id, "context_id": context_id, "story_a": story_a, "story_b": story_b}

        alone = [pair(name, i, i) for name, i in texts] if stage.config["scores_alone"] else []
        pairs = [
            pair(context.context_id, i, j)
            for context in chosen
            for i, j in combinations(range(size + (context.context_id in preferred)), 2)
        ]
        section = stage.config["judge"]
        judge = load_judge(
            section,
            stage.optional_folder("model"),
            Access.of(stage.options),
            soft=gives_probability(section),
        )
        comparisons = preferences.comparisons(alone)[:: len(ORDERS)] + preferences.comparisons(pairs)
        judgements = judge_in_shards(judge, comparisons, stage.checkpoints())
        STORIES_FILE.write(folder, stories)
        JUDGEMENTS_FILE.write(folder, judgements)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "policy": 1, "model": "?"}, options=ACCESS, seed=True)

"""Groups of a policy's stories, and a judge's judgements of every pair of a group in both orders."""

from itertools import combinations

from rlcs.config.prompts import policy_prompt
from rlcs.data.artifacts import JUDGEMENTS_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import gives_probability, load_judge
from rlcs.models.generation import generate
from rlcs.models.loading import device, load_causal, load_tokenizer
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
            }
            for index, completion in enumerate(completions)
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
        section = stage.config["judge"]
        judge = load_judge(
            section,
            stage.optional_folder("model"),
            Access.of(stage.options),
            soft=gives_probability(section),
        )
        judgements = judge_in_shards(judge, preferences.comparisons(pairs), stage.checkpoints())
        STORIES_FILE.write(folder, stories)
        JUDGEMENTS_FILE.write(folder, judgements)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "policy": 1, "model": "?"}, options=ACCESS, seed=True)

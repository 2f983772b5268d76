"""A policy writes stories for held-out contexts."""

from rlcs.config.prompts import policy_prompt
from rlcs.data.artifacts import STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.text_sampler import sample_texts
from rlcs.stages.stage import ACCESS, Stage, run_stage


def main(stage: Stage) -> None:
    policy, template = stage.config["policy"], stage.config["writing"]["template"]
    contexts = Preferences(stage.folder("preferences")).contexts_of("test")
    prompts = [
        ({"context_id": context.context_id, "policy": policy}, policy_prompt(template, context))
        for context in contexts[: stage.config["sampling"]["contexts"]]
    ]
    with stage.artifact() as folder:
        purpose = stage.config.get("purpose", "stories")
        rows = sample_texts(stage, prompts, STORIES_FILE.schema, purpose=purpose, title=purpose)
        STORIES_FILE.write(folder, rows)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "model": "?"}, options=ACCESS, seed=True)

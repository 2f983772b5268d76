"""A policy writes stories for held-out contexts."""

from rlcs.config.prompts import policy_prompt
from rlcs.config.writing import SamplingConfig
from rlcs.data.artifacts import STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.models.text_sampler import sample_texts
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    sampling = SamplingConfig.model_validate(stage.config["sampling"])
    policy, template = stage.config["policy"], stage.config["writing"]["template"]
    held_out = Preferences(stage.folder("preferences")).contexts_of("test")[: sampling.contexts]
    prompts = [
        (
            {"context_id": context.context_id, "policy": policy, "sample": sample},
            policy_prompt(template, context),
        )
        for sample in range(sampling.samples)
        for context in held_out
    ]
    with stage.artifact() as folder:
        schema = STORIES_FILE.schema
        purpose = stage.config.get("purpose", "stories")
        rows = sample_texts(stage, sampling, prompts, schema, purpose=purpose, title=purpose)
        STORIES_FILE.write(folder, rows)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "model": 1}, seed=True)

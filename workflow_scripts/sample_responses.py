"""A policy answers prompts with instructions to follow, such as IFEval's."""

from rlcs.config.prompts import user
from rlcs.constraints.ifeval import read_prompts
from rlcs.data.artifacts import RESPONSES_FILE
from rlcs.evaluation.text_sampler import sample_texts
from rlcs.stages.stage import ACCESS, Stage, run_stage


def main(stage: Stage) -> None:
    prompts = [
        ({"key": prompt.key, "policy": stage.config["policy"]}, user(prompt.text))
        for prompt in read_prompts(stage.inputs["prompts"][0])
    ]
    with stage.artifact() as folder:
        schema = RESPONSES_FILE.schema
        rows = sample_texts(stage, prompts, schema, purpose="instructions", title="answers")
        RESPONSES_FILE.write(folder, rows)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"model": "?", "prompts": 1}, options=ACCESS, seed=True)

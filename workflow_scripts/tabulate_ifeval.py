"""Instruction following of policies on prompts that do not ask for stories (IFEval)."""

from rlcs.constraints.ifeval import read_prompts
from rlcs.data.artifacts import RESPONSES_FILE
from rlcs.evaluation.constraint_accuracy import instruction_table
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    prompts = read_prompts(stage.inputs["prompts"][0])
    responses = RESPONSES_FILE.read(*stage.folders("responses"))
    with stage.artifact() as folder:
        frame = instruction_table(
            prompts,
            responses,
            policies=stage.config["rows"],
            paper=stage.config["paper"],
            seed=stage.seed,
        )
        write_tables({"ifeval": frame}, folder, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"prompts": 1, "responses": "+"})

"""Instruction following of policies on prompts that do not ask for stories (IFEval)."""

from __future__ import annotations

from rlcs.constraints.ifeval import read_prompts
from rlcs.evaluation.constraint_accuracy import instruction_table
from rlcs.records import RESPONSES, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages.stage import Stage, run_stage

SEED = 0  # of the bootstrap


def main(stage: Stage) -> None:
    prompts = read_prompts(stage.inputs["prompts"][0])
    responses = [
        row
        for folder in stage.folders("responses")
        for row in read_rows(folder / "responses.parquet", RESPONSES)
    ]
    with stage.artifact() as folder:
        frame = instruction_table(prompts, responses, policies=stage.config["rows"], seed=SEED)
        write_table(frame, folder, "ifeval", TABLES["ifeval"].text, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"prompts": 1, "responses": "+"})

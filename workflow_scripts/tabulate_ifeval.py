"""Policies by the instructions that they follow in prompts that are no stories."""

from __future__ import annotations

from rlcs.constraints.ifeval import read_prompts
from rlcs.evaluation.constraint_accuracy import instruction_table
from rlcs.records import RESPONSES, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages import stage

SEED = 0  # of the bootstrap


def main(this: stage.Stage) -> None:
    prompts = read_prompts(this.inputs["prompts"][0])
    responses = [
        row
        for folder in this.folders("responses")
        for row in read_rows(folder / "responses.parquet", RESPONSES)
    ]
    with this.artifact() as folder:
        frame = instruction_table(prompts, responses, policies=this.config["rows"], seed=SEED)
        write_table(frame, folder, "ifeval", TABLES["ifeval"].text, this.config["synthetic"])


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["prompts"], many=["responses"])

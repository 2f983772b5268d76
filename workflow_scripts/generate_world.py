"""The tiny world's preferences, as a user would supply them: one JSONL file."""

import json
from random import Random

from rlcs.config.world import WorldConfig
from rlcs.stages.stage import Stage, run_stage
from rlcs.world.pairs import preference_rows


def main(stage: Stage) -> None:
    world = WorldConfig.model_validate(stage.config["world"])
    with stage.artifact() as folder, (folder / "preferences.jsonl").open("w", encoding="utf-8") as file:
        for row in preference_rows(Random(world.seed), world):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    run_stage(main, __file__)

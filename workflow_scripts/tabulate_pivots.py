"""Tables of pointwise rewards: bias, noise and signal of each design, and the error rates of judges."""

from typing import Any

from rlcs.data.artifacts import JUDGEMENTS_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.pivot_designs import Group, make_groups, noise_table, pivot_table
from rlcs.report.formatting import write_tables
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, run_stage
from rlcs.world.annotators import utility
from rlcs.world.grammar import read_story


def main(stage: Stage) -> None:
    contexts = Preferences(stage.folder("preferences")).contexts
    groups: dict[str, list[Group]] = {judge: [] for judge in stage.config["judges"]}
    stories: dict[str, list[dict[str, Any]]] = {judge: [] for judge in stage.config["judges"]}
    for folder in stage.folders("groups"):
        rows = STORIES_FILE.read(folder)
        utilities = {
            (row["context_id"], row["sample"]): utility(read_story(contexts[row["context_id"]], row["text"]))
            for row in rows
        }
        made_of = read_provenance(folder)
        section, size = made_of["config"]["judge"], made_of["config"]["group_size"]
        judge = section["name"]
        probed = section["judge"]["kind"] == "generative" and section["judge"].get("train") == "probe"
        stories[judge] += [row for row in rows if row["sample"] < size]  # the last is no story of the policy
        judgements = JUDGEMENTS_FILE.read(folder)
        groups[judge] += make_groups(utilities, judgements, size, made_of["seed"], writes_both=probed)
    with stage.artifact() as folder:
        tables = {
            "pivots": pivot_table(groups, stories, seed=stage.seed),
            "judge_noise": noise_table(groups, stories, seed=stage.seed),
        }
        write_tables(tables, folder, synthetic=True)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "groups": "+"})

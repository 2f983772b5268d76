"""The figures of the gate: judges that reward policies, on validation pairs."""

from rlcs.data.preferences import Preferences
from rlcs.evaluation.gate import gate_table
from rlcs.evaluation.judgements import read_judged
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    pairs = Preferences(stage.folder("preferences")).pairs("validation")
    judged = read_judged(stage.folders("judgements"), stage.config["judges"])
    with stage.artifact() as folder:
        write_tables({"gates": gate_table(judged, pairs)}, folder, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

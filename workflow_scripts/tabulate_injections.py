"""Table of prompt injections: their effect on each judge."""

from rlcs.data.artifacts import INJECTIONS_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.injections import injection_table
from rlcs.evaluation.judgements import read_judged
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    context_ids = Preferences(stage.folder("preferences")).context_ids
    tried = INJECTIONS_FILE.read(*stage.folders("judgements"))
    judged = read_judged(stage.folders("judgements"), stage.config["judges"])
    with stage.artifact() as folder:
        frame = injection_table(judged, tried, context_ids, seed=stage.seed)
        write_tables({"injections": frame}, folder, stage.config["synthetic"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

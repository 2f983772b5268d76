"""The gate between a judge and the policies that it rewards: it fails if the judge breaks a limit."""

from rlcs.config.gate import GateConfig
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences
from rlcs.errors import InputError
from rlcs.evaluation.gate import gate_problems, gate_table, measure_judge
from rlcs.report.formatting import to_markdown, to_raw
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    judge, gate = stage.config["judge"], GateConfig.model_validate(stage.config["gate"])
    pairs = Preferences(stage.folder("preferences")).pairs("validation")
    judgements = JUDGEMENTS_FILE.read(stage.folder("judgements"))
    if problems := gate_problems(measure_judge(judgements, pairs, seed=stage.seed), gate):
        raise InputError(
            f"judge {judge!r}, seed {stage.seed}, must not reward a policy: {'; '.join(problems)}. Improve "
            "the judge or take another one; to go on all the same, relax the key that is named or leave out "
            "gate"
        )
    with stage.artifact() as folder:
        frame = gate_table({judge: {stage.seed: judgements}}, pairs)
        log.info("%s", to_markdown(frame, f"judge {judge!r} passes the gate"))
        to_raw(frame).to_csv(folder / "gate.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": 1}, seed=True)

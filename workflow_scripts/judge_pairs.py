"""A judge reads the pairs of a split in both orders: teacher chains, the alignment evaluation, the gate."""

from pathlib import Path

from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.judge import judge_new
from rlcs.judging.loading import gives_probability, load_judge
from rlcs.stages.manifest import MANIFEST_NAME
from rlcs.stages.stage import ACCESS, Stage, log, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    pairs = preferences.pairs(stage.options["split"])[: stage.config.get("pairs")]
    if stage.config.get("unlabelled"):
        pairs += preferences.unlabelled(stage.options["split"])
    with stage.artifact() as folder:
        judge = load_judge(
            stage.config,
            model_of(stage),
            Access.of(stage.options),
            soft=gives_probability(stage.config),
        )
        kept = f"judgements-{stage.options['split']}-{stage.key_without('preferences')}.parquet"
        judgements = judge_new(
            judge, preferences.comparisons(pairs), stage.checkpoints(), Path(stage.options["answers"]) / kept
        )
        JUDGEMENTS_FILE.write(folder, judgements)
        unread = sum(judgement.verdict == "none" for judgement in judgements)
        log.info("%d judgements, %d of them without a verdict", len(judgements), unread)


def model_of(stage: Stage) -> Path | None:
    """The folder of the judge's artifact, or the file with the chains of a recorded teacher."""
    given = next(iter(stage.inputs["model"]), None)
    return given.parent if given is not None and given.name == MANIFEST_NAME else given


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "model": "?"}, options=["split", *ACCESS], seed=True)

"""Judges as rewards: accuracy on held-out pairs against the win rate of the policy that each rewards."""

from rlcs.data.artifacts import MATCHES_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.effects import Evidence, PolicyEvidence
from rlcs.evaluation.gains import correlation_table, gain_table
from rlcs.evaluation.judgements import read_judged, stories_by_seed
from rlcs.report.figure_style import write_svg
from rlcs.report.figures import plot_gains
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    matches, match_judge = stage.folders("matches"), stage.config["match_judge"]
    judge_of = dict(stage.config["judge_of"])
    evidence = Evidence(
        judged=read_judged(stage.folders("judgements"), list(dict.fromkeys(judge_of.values()))),
        labels=preferences.labels,
        contexts=preferences.context_ids,
        policies=PolicyEvidence(
            stories=stories_by_seed(stage.folders("stories")),
            matches=MATCHES_FILE.read(matches[0]),
            judged=read_judged(matches, [match_judge], stage.config["probability"])[match_judge],
        ),
    )
    with stage.artifact() as folder:
        gains = gain_table(judge_of, evidence, stage.config["reference"], seed=stage.seed)
        correlation = correlation_table(gains, stage.config["rules"], seed=stage.seed)
        write_tables({"gains": gains, "gain_correlation": correlation}, folder, stage.config["synthetic"])
        write_svg(plot_gains(gains), folder, "gains")


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+", "stories": "+", "matches": "+"})

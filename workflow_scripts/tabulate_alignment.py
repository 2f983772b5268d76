"""Judges against human labels on held-out pairs: in all, by domain and cohort, position bias, calibration."""

from collections import defaultdict

from rlcs.data.preferences import Preferences
from rlcs.data.votes import mutual_credits
from rlcs.evaluation.alignment import (
    alignment_by_domain_table,
    alignment_by_group_table,
    alignment_table,
    transfer_table,
)
from rlcs.evaluation.baselines import Baselines
from rlcs.evaluation.calibration import calibration_table
from rlcs.evaluation.judgements import read_judged
from rlcs.evaluation.position_bias import position_bias_table
from rlcs.report.columns import ON_GROUP
from rlcs.report.figure_style import write_svg
from rlcs.report.figures import plot_alignment, plot_calibration, plot_position_bias
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    held_out, baselines = preferences.pairs("test"), Baselines.fit(preferences.pairs("train"))
    judged = read_judged(stage.folders("judgements"), stage.config["rows"])
    with stage.artifact() as folder:
        frame = alignment_table(
            judged,
            held_out,
            baselines,
            stage.config["paper"],
            seed=stage.seed,
            reward_model=stage.config["reward_model"],
            calls=stage.config["calls"],
            people=mutual_credits(preferences.annotations),
        )
        tables = {
            "alignment": frame,
            "alignment_by_domain": alignment_by_domain_table(
                judged, held_out, preferences.contexts, baselines, seed=stage.seed
            ),
            "position_bias": position_bias_table(judged, held_out, seed=stage.seed),
            "calibration": (curve := calibration_table(judged, held_out, seed=stage.seed)),
        }
        cohort_of = {pair["pair_id"]: pair["cohort"] for pair in held_out}
        if any(cohort_of.values()):
            votes = defaultdict(list)
            for vote in preferences.annotations:
                votes[vote["cohort"]].append(vote)
            tables["alignment_by_cohort"] = alignment_by_group_table(
                judged,
                held_out,
                "cohort",
                cohort_of,
                baselines,
                seed=stage.seed,
                people={cohort: mutual_credits(of_cohort) for cohort, of_cohort in votes.items()},
            )
        for groups, trained_on in stage.config.get("trained_on", {}).items():
            if (by_group := tables.get(f"alignment_by_{groups}")) is not None:
                tables[f"transfer_{groups}"] = transfer_table(by_group, trained_on, ON_GROUP)
        write_tables(tables, folder, stage.config["synthetic"])
        write_svg(plot_calibration(curve), folder, "calibration")
        write_svg(plot_position_bias(tables["position_bias"]), folder, "position_bias")
        write_svg(plot_alignment(frame), folder, "alignment")


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

"""Judges against human labels on held-out pairs: in all, by domain and cohort, position bias, calibration."""

from __future__ import annotations

from rlcs.data.preferences import Preferences
from rlcs.data.votes import mutual_credits
from rlcs.evaluation.alignment import alignment_by_domain_table, alignment_by_group_table, alignment_table
from rlcs.evaluation.calibration import calibration_table
from rlcs.evaluation.judgements import read_judged
from rlcs.evaluation.position_bias import position_bias_table
from rlcs.report.captions import TABLES
from rlcs.report.figure_style import to_svg
from rlcs.report.figures import plot_alignment, plot_calibration, plot_position_bias
from rlcs.report.formatting import write_table
from rlcs.stages.stage import Stage, run_stage

SEED = 0  # of the bootstrap


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    held_out, training = preferences.pairs("test"), preferences.pairs("train")
    judged = read_judged(stage.folders("judgements"), stage.config["rows"])
    synthetic = stage.config["synthetic"]
    with stage.artifact() as folder:
        frame = alignment_table(
            judged,
            held_out,
            training,
            stage.config["paper"],
            seed=SEED,
            reward_model=stage.config["reward_model"],
            calls=stage.config["calls"],
            people=mutual_credits(preferences.annotations),
        )
        tables = {
            "alignment": frame,
            "alignment_by_domain": alignment_by_domain_table(
                judged, held_out, preferences.contexts, training, seed=SEED
            ),
            "position_bias": position_bias_table(judged, held_out, seed=SEED),
            "calibration": (curve := calibration_table(judged, held_out, seed=SEED)),
        }
        cohort_of = {pair["pair_id"]: pair["cohort"] for pair in held_out}
        if any(cohort_of.values()):
            tables["alignment_by_cohort"] = alignment_by_group_table(
                judged, held_out, "cohort", cohort_of, training, seed=SEED
            )
        for name, table in tables.items():
            write_table(table, folder, name, TABLES[name].text, synthetic)
        if len(curve):
            (folder / "calibration.svg").write_text(to_svg(plot_calibration(curve)), encoding="utf-8")
        position = to_svg(plot_position_bias(tables["position_bias"]))
        (folder / "position_bias.svg").write_text(position, encoding="utf-8")
        (folder / "alignment.svg").write_text(to_svg(plot_alignment(frame)), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "judgements": "+"})

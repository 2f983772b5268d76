"""What the trainers logged, over steps: one figure for the judges, one for the policies, and their panels."""

from __future__ import annotations

import pandas as pd

from rlcs import stage
from rlcs.figures import available_metrics, to_svg, training_curve, training_curves
from rlcs.manifest import read_provenance

METRICS = (
    "reward",
    "eval_accuracy",
    "completions/mean_length",
    "entropy",
    "kl",
    "frac_reward_zero_std",
    "constraints/kept",
    "constraints/violators_rewarded",
    "judge/inconsistent",
    "judge/unparsed",
    "judge/failed",
    "judge/skew",
)


def main(this: stage.Stage) -> None:
    with this.artifact() as folder:
        for registry in ("judges", "policies"):
            histories: dict[str, dict[int, pd.DataFrame]] = {}
            for source in this.folders(registry):
                seed = read_provenance(source)["seed"]
                name = source.parent.name
                histories.setdefault(name, {})[seed] = pd.read_parquet(source / "history.parquet")
            if metrics := available_metrics(histories, METRICS):
                figure = to_svg(training_curves(histories, metrics))
                (folder / f"{registry}.svg").write_text(figure, encoding="utf-8")
            for place, metric in enumerate(metrics):
                panel = to_svg(training_curve(histories, metric))
                (folder / f"{registry}-panel{place}.svg").write_text(panel, encoding="utf-8")


if __name__ == "__main__":
    stage.run(main, __file__, optional=["judges", "policies"])

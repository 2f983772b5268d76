"""Policies against a reference policy, by every judge, with constraints, length and diversity."""

from collections.abc import Mapping, Sequence
from typing import Any

from rlcs.data.artifacts import MATCHES_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.dimensions import chain_counts, dimension_table, labelled_scores
from rlcs.evaluation.judgements import read_judged
from rlcs.evaluation.statistics import mean_or_none
from rlcs.evaluation.win_rates import win_rate_matrix, win_rate_table
from rlcs.models.packages import installed_folder
from rlcs.report.figure_style import write_svg
from rlcs.report.figures import plot_win_rate_matrix, plot_win_rates
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    contexts = Preferences(stage.folder("preferences")).contexts
    stories = STORIES_FILE.read(*stage.folders("stories"))
    # every judge and seed plays the same matches
    matches = MATCHES_FILE.read(stage.folders("matches")[0])
    judged = read_judged(stage.folders("matches"), stage.config["judges"], stage.config["probability"])
    policies, synthetic = stage.config["rows"], stage.config["synthetic"]
    with stage.artifact() as folder:
        frame = win_rate_table(
            matches,
            judged,
            stories,
            contexts,
            stage.config["paper"],
            policies=policies,
            reference=stage.config["reference"],
            seed=stage.seed,
            spreads=spreads_of(stage.config["sentence_model"], stories, policies),
        )
        matrix = win_rate_matrix(matches, judged, stories, policies=policies, seed=stage.seed)
        tables = {"win_rates": frame, "win_rate_matrix": matrix}
        read_scores = chain_counts if synthetic else labelled_scores
        dimensions = dimension_table(judged, matches, stories, policies, read_scores, seed=stage.seed)
        if len(dimensions):
            tables["dimensions"] = dimensions
        write_tables(tables, folder, synthetic)
        write_svg(plot_win_rates(frame), folder, "win_rates")
        for number, judge in enumerate(judged):
            write_svg(plot_win_rate_matrix(matrix, judge), folder, f"win_rate_matrix-panel{number}")


def spreads_of(
    section: Mapping[str, Any] | None, stories: Sequence[Mapping[str, Any]], policies: Sequence[str]
) -> dict[str, float | None] | None:
    """Embedding spread of each policy's stories, averaged over seeds; None without a sentence model."""
    package = installed_folder(section["package"]) if section else None
    if section is None or package is None:
        return None
    # imported here since torch takes seconds to load, which runs without the model do not need
    from rlcs.models.embeddings import SentenceModel, embedding_spread

    vectors = SentenceModel(package / section["model"]).embed([story["text"] for story in stories])
    spreads: dict[str, float | None] = {}
    for policy in policies:
        seeds = dict.fromkeys(story["seed"] for story in stories if story["policy"] == policy)
        by_seed = [
            embedding_spread(vectors[[s["policy"] == policy and s["seed"] == seed for s in stories]])
            for seed in seeds
        ]
        spreads[policy] = mean_or_none([value for value in by_seed if value is not None])
    return spreads


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": "+", "matches": "+"})

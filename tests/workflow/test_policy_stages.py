"""Stages that the smoke run leaves out, on what it left: sums of rewards, groups, stories of people."""

import json
import shutil

import pandas as pd
import pytest

from rlcs.records import HISTORY, STORIES, read_contexts, read_rows
from smoke_run import Workflow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


@pytest.fixture(scope="module")
def more(workflow, tmp_path_factory):
    """The smoke run's results, and a config with more policies and one more table."""
    folder = tmp_path_factory.mktemp("more") / "copy"
    shutil.copytree(workflow.folder, folder)
    copy = Workflow(folder)
    contexts = read_contexts(copy.results / "preferences" / "contexts.parquet")
    held_out = [context.context_id for context in contexts.values() if context.split == "test"][:3]
    rows = [json.dumps({"context_id": name, "text": "Mara won {at last}."}) for name in held_out]
    (folder / "people.jsonl").write_text("\n".join(rows), encoding="utf-8")

    def change(raw):
        raw["judges"]["length"] = {"kind": "length"}
        raw["policies"]["sum"] = raw["policies"]["rlcs-bt"] | {
            "reward": [{"judge": "bt", "pivots": 2}, {"judge": "length", "weight": 0.1}],
            "advantage": "reward",
            "shaping": "continuous",
            "normalize": "recenter",
            "entropy": "sampled",
        }
        raw["policies"]["diverse"] = raw["policies"]["rlmr"] | {
            "diversity": {"n": 1, "quality_quantile": 0.0}
        }
        raw["policies"]["people"] = {"train": "none", "stories": "people.jsonl"}
        raw["tables"]["pivots"] = {
            "judges": ["bt", "length"],
            "policy": "sft",
            "contexts": 2,
            "group_size": 5,
        }
        raw["tables"]["win_rates"] |= {
            "rows": ["sft", "sum", "diverse", "people"],
            "judges": ["length", "teacher"],
        }
        del raw["tables"]["gains"]  # of other policies

    copy.config = copy.with_config("more", change)
    done = copy.snakemake("tables", config=copy.config)
    assert done.returncode == 0, done.stdout[-5000:]
    return copy


def test_a_sum_of_rewards_is_logged_part_by_part(more):
    logged = read_rows(more.results / "policies" / "sum" / "seed1" / "history.parquet", HISTORY)
    value = {row["metric"]: row["value"] for row in logged if row["step"] == 1}
    assert value["judge/bt/calls"] == 2 * 2 * (3 + 2)  # groups x orders x comparisons
    assert value["judge/length/calls"] == 2 * 2 * 3
    assert value["rewards/pivot-length/mean"] == pytest.approx(0, abs=1)
    parts = value["rewards/pivot-bt/mean"] + 0.1 * value["rewards/pivot-length/mean"]
    assert value["reward"] == pytest.approx(parts, abs=1e-5)
    artifact = more.results / "policies" / "sum" / "seed1"
    assert json.loads((artifact / "flags.json").read_text()) == []
    names = {path.name for path in (artifact / "model").iterdir()}
    assert {path.name for path in (artifact / "last").iterdir()} == names


def test_a_bonus_for_diversity_is_logged_beside_the_constraints(more):
    logged = read_rows(more.results / "policies" / "diverse" / "seed1" / "history.parquet", HISTORY)
    value = {row["metric"]: row["value"] for row in logged if row["step"] == 1}
    assert 0 < value["diversity/contribution"] < 1
    assert 0 < value["diversity/earned"] <= 0.75  # of each group one adds the least
    assert value["constraints/writing"] == pytest.approx(
        value["diversity/quality"] + value["diversity/bonus"], abs=1e-5
    )
    assert value["constraints/violators_rewarded"] == 0
    assert "stories/distinct_2" in value


def test_stories_of_people_are_a_system(more):
    told = read_rows(more.results / "stories" / "people" / "seed1" / "stories.parquet", STORIES)
    assert {row["text"] for row in told} == {"Mara won {at last}."}
    table = pd.read_csv(more.results / "tables" / "win_rates" / "win_rates.csv")
    people = table[table["policy"] == "people"].set_index("judge")
    assert people.loc["length", "win_rate_n"] == people.loc["length", "words_n"] == 3
    assert people.loc["length", "words"] == 4
    dimensions = pd.read_csv(more.results / "tables" / "win_rates" / "dimensions.csv")
    assert set(dimensions["judge"]) == {"teacher"}
    assert dimensions.set_index("policy").loc["people", "outline"] == 0


def test_designs_of_rewards_are_compared(more):
    table = pd.read_csv(more.results / "tables" / "pivots" / "pivots.csv")
    assert set(table["judge"]) == {"bt", "length"}
    assert set(table["pivots"]) == {1, 2, 4}
    assert (table["calls_per_group"] > 0).all()
    noise = pd.read_csv(more.results / "tables" / "pivots" / "judge_noise.csv").set_index("judge")
    assert noise.loc["bt", "judgements"] == 2 * 10 * 2
    assert more.planned("tables", config=more.config) == {}

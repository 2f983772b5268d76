"""Benchmarks in a run's config: who is measured, and what a stage sees of them."""

import copy

import pytest

from rlcs.config import parsing
from rlcs.config.benchmarks import LICENCES
from rlcs.config.data import DataConfig
from rlcs.config.lineage import trained_models, used_judges
from rlcs.config.sources import PRESETS
from rlcs.planning import stage_configs, table_configs
from rlcs.planning.answer_plan import planned_answers
from smoke_run import SMOKE

LITBENCH = {"preset": "litbench_test", "preferences": ["litbench.csv"]}


def parsed(benchmarks, rows=None, change=None):
    raw = copy.deepcopy(SMOKE) | {"benchmarks": benchmarks}
    if rows is not None:
        raw["tables"]["benchmarks"] = {"rows": rows}
    if change:
        change(raw)
    return parsing.parse(raw)


def test_a_run_without_benchmarks_has_no_judges_of_them():
    config = parsing.parse(copy.deepcopy(SMOKE))
    assert config.benchmark_judges == []
    assert list(config.sources) == ["data"]
    assert "judge_benchmark_pairs" not in {answers.rule for answers in planned_answers(config)}


def test_the_judges_are_those_of_the_alignment_table_that_read_any_text():
    assert SMOKE["tables"]["alignment"]["rows"][0] == "teacher"  # of the tiny world
    assert parsed({"a": LITBENCH}).benchmark_judges == SMOKE["tables"]["alignment"]["rows"][1:]
    assert parsed({"a": LITBENCH}, ["bt"]).benchmark_judges == ["bt"]


def test_a_judge_of_benchmarks_alone_is_trained():
    def change(raw):
        raw["judges"]["spare"] = {"kind": "scalar", "base": "small"}

    assert "spare" not in used_judges(parsed({"a": LITBENCH}, change=change))
    assert "spare" in trained_models(parsed({"a": LITBENCH}, ["spare"], change), "judges")


@pytest.mark.parametrize(
    ("benchmarks", "rows", "message"),
    [
        ({}, ["bt"], "tables.benchmarks: the run has no benchmarks"),
        ({"a": LITBENCH}, ["nobody"], "tables.benchmarks.rows: 'nobody' is not under judges"),
        ({"a": LITBENCH}, ["oracle"], "tables.benchmarks.rows: 'oracle' judges stories of the tiny world"),
        ({"a": {"preset": "litbench_test"}}, None, "benchmarks.a: names no source"),
        (
            {"a": LITBENCH | {"metrics": "pairs"}},
            None,
            "benchmarks.a.metrics: unknown key; did you mean 'metric'",
        ),
        ({"a": LITBENCH | {"preset": "litbnch"}}, None, "benchmarks.a.preset: Input should be"),
    ],
)
def test_what_cannot_be_measured_is_refused(benchmarks, rows, message):
    with pytest.raises(parsing.ConfigError) as refused:
        parsed(benchmarks, rows)
    assert message in str(refused.value)


def test_a_run_whose_judges_know_the_world_alone_is_refused():
    with pytest.raises(parsing.ConfigError, match=r"benchmarks: no judge of tables\.alignment\.rows"):
        parsed({"a": LITBENCH}, change=lambda raw: raw["tables"]["alignment"].update(rows=["teacher"]))


def test_a_misspelt_key_beside_a_preset_is_named():
    with pytest.raises(parsing.ConfigError, match=r"data\.colums: unknown key; did you mean 'columns'"):
        parsed({}, change=lambda raw: raw.update(data={"preset": "litbench", "colums": {}}))


def test_an_empty_entry_removes_a_benchmark():
    assert parsed({"a": LITBENCH, "b": None}).benchmarks.keys() == {"a"}


def test_all_of_a_benchmark_is_for_testing():
    config = parsed({"a": LITBENCH | {"ignore": ["source"], "most_pairs": 7}})
    section = stage_configs.benchmark(config, "a")
    assert section["benchmark"] == "a"
    data = DataConfig.model_validate(section["data"])
    assert (data.splits.train, data.splits.test, data.subset.test) == (0, 1, 7)
    assert data.ignore == ["source", "split"]
    assert data.columns == {"chosen": "chosen_story", "rejected": "rejected_story"}
    assert data.preferences is None  # files are inputs


def test_only_the_tables_see_licence_and_metric():
    one, other = (
        parsed({"a": {"preferences": ["a.jsonl"], "format": "best_of", "licence": licence, "metric": metric}})
        for licence, metric in (("mine", "pairs"), ("yours", "best_of"))
    )
    assert stage_configs.benchmark(one, "a") == stage_configs.benchmark(other, "a")
    assert stage_configs.judge_benchmark(one, "bt", "a") == stage_configs.judge_benchmark(other, "bt", "a")
    assert table_configs.benchmarks(one) != table_configs.benchmarks(other)


def test_answers_are_planned_if_their_number_is_known():
    def numbers(config):
        return {
            answers.model: (answers.number, answers.seeds)
            for answers in planned_answers(config)
            if answers.rule == "judge_benchmark_pairs"
        }

    few = LITBENCH | {"most_pairs": 10}
    assert numbers(parsed({"a": few, "b": few}, ["bt"])) == {"bt": (40, 1)}
    assert numbers(parsed({"a": few, "b": LITBENCH}, ["bt"])) == {"bt": (None, 1)}


def test_every_licence_is_of_a_preset():
    assert LICENCES.keys() <= PRESETS.keys()

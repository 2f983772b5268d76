"""Benchmarks from files to the table, by Snakemake, with a judge that needs no training."""

import pandas as pd
import pytest

import benchmark_files
from rlcs.report.formatting import read_table
from smoke_run import Workflow

pytestmark = pytest.mark.slow

TABLE = "results/smoke/tables/benchmarks/manifest.json"
NEW = {"ingest_benchmark", "judge_benchmark_pairs", "tabulate_benchmarks"}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A run with two benchmarks, of which nothing but their table is made."""
    run = Workflow.of_source(tmp_path_factory.mktemp("benchmarks") / "run")
    litbench = benchmark_files.written("litbench_test", run.folder)
    best_of = benchmark_files.written("story_rmb", run.folder)

    def change(raw):
        raw["judges"]["longer"] = {"kind": "length"}
        raw["benchmarks"] = {
            "litbench": {
                "preset": "litbench_test",
                "preferences": [litbench.name],
                "max_quarantine_share": 0.5,
            },
            "stories": {"preset": "story_rmb", "preferences": [best_of.name]},
        }
        raw["tables"]["benchmarks"] = {"rows": ["longer"]}

    run.config = run.with_config("measured", change)
    done = run.snakemake(TABLE, config=run.config)
    assert done.returncode == 0, done.stdout
    return run


def test_a_run_without_benchmarks_plans_nothing_of_them(measured):
    assert not NEW & measured.planned().keys()


def test_everything_of_the_run_has_the_table_and_the_report(measured):
    planned = measured.planned(config=measured.config)
    assert not NEW & planned.keys()  # they are made
    assert planned["write_report"] == 1


def test_the_table_has_judges_baselines_chance_and_published_figures(measured):
    table = read_table(measured.results / "tables" / "benchmarks" / "benchmarks.csv").set_index("system")
    assert list(table.index[:3]) == ["longer", "length only", "chance"]
    assert table.loc["longer", "accuracy on litbench"].value == pytest.approx(2 / 3)
    assert table.loc["longer", "accuracy on stories"].value == pytest.approx(2 / 3)
    assert table.loc["longer", "accuracy on stories"].n == 3
    assert table.loc["chance", "accuracy on stories"].value == 0.25
    assert table.loc["UniCreative, GenRM of 8B", "accuracy on litbench"].value == pytest.approx(0.807)
    assert table.loc["UniCreative, GenRM of 8B", "accuracy on stories"] is None
    for suffix in ("md", "tex"):
        text = (measured.results / "tables" / "benchmarks" / f"benchmarks.{suffix}").read_text()
        assert "UniCreative" in text


def test_what_a_benchmark_is_stands_beside_it(measured):
    table = pd.read_csv(measured.results / "tables" / "benchmarks" / "benchmark_data.csv").set_index(
        "benchmark"
    )
    assert table.loc["litbench", ["pairs", "quarantined"]].tolist() == [3, 1]
    assert table.loc["stories", ["pairs", "measured", "chance"]].tolist() == [9, 3, 0.25]
    assert "Reddit" in table.loc["litbench", "licence"]
    assert table.index[-1] == "held-out pairs of this run"
    log = (measured.results / "logs" / "tables" / "benchmarks.log").read_text()
    assert "litbench: of 3 pairs, 0 have a prompt of the training pairs" in log

"""What Snakemake plans and says after the smoke run: reruns, other configs, failures."""

import json
import shutil

import pytest
from safetensors.torch import load_file
from smoke_run import ROOT, SOURCE, Workflow

from rlcs.manifest import read_manifest

pytestmark = pytest.mark.slow

RUNS = sorted(path.name for path in (ROOT / "config").glob("*.yaml") if path.stem != "default")


@pytest.fixture(scope="module")
def after(workflow, tmp_path_factory):
    """The smoke run, copied with its results: a place to change things in."""
    folder = tmp_path_factory.mktemp("after") / "copy"
    shutil.copytree(workflow.folder, folder)
    return Workflow(folder)


def test_afterwards_there_is_nothing_to_be_done(after):
    assert after.planned() == {}
    for name in SOURCE:
        for path in [after.folder / name, *(after.folder / name).rglob("*")]:
            path.touch()
    assert after.planned() == {}


BELOW_STORIES = {"judge_matches": 3, "tabulate_win_rates": 1, "write_report": 1, "all": 1}
BELOW_POLICY = {"train_policy_grpo": 1, "sample_stories": 1, "draw_curves": 1} | BELOW_STORIES


@pytest.mark.parametrize(
    ("keys", "value", "jobs"),
    [
        (["policies", "rlcs", "training", "beta"], 0.02, BELOW_POLICY),
        (["policies", "rlcs-bt", "reward", "pivots"], 1, BELOW_POLICY),
        (["sampling", "temperature"], 0.9, {"sample_stories": 3} | BELOW_STORIES),
        (["paper"], {"alignment": {"genrm": 80.0}}, {"tabulate_alignment": 1, "write_report": 1, "all": 1}),
        (["tables", "alignment", "rows"], ["genrm"], {"tabulate_alignment": 1, "write_report": 1, "all": 1}),
        (["judges", "spare"], {"kind": "bradley_terry", "base": "small"}, {}),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, list) else "",
)
def test_a_change_of_the_config_plans_its_own_jobs_and_those_below(after, keys, value, jobs):
    def change(raw):
        *parents, key = keys
        for parent in parents:
            raw = raw[parent]
        raw[key] = value

    assert after.planned(config=after.with_config("changed", change)) == jobs


@pytest.mark.parametrize(
    ("file", "appended", "jobs"),
    [
        ("rlcs/pivot.py", "# a remark\n", {}),
        ("rlcs/pivot.py", "ONE = 1\n", BELOW_POLICY | {"train_policy_grpo": 2, "sample_stories": 2}),
        ("tabulate_filter.py", "ONE = 1\n", {"tabulate_filter": 1, "write_report": 1, "all": 1}),
    ],
)
def test_a_change_of_the_code_plans_what_runs_it(after, file, appended, jobs):
    path = after.folder / "workflow_scripts" / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text + appended, encoding="utf-8")
    try:
        assert after.planned() == jobs
    finally:
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", RUNS)
def test_every_run_can_be_planned(after, name):
    jobs = after.planned(config=f"config/{name}")
    assert name == "smoke.yaml" or jobs["write_report"] == 1


def test_braces_in_the_users_words_are_no_wildcards(after):
    def change(raw):
        raw["run"] = "braces"
        raw["data"] = {"columns": {"story_a": "{chosen}"}}
        raw["paper"] = {"alignment": {"{seed}": 50.0}}
        raw["judging"]["rubrics"] = {"default": "{judge} {{"}

    assert after.planned(config=after.with_config("braces", change))["ingest"] == 1


def test_a_wrong_config_stops_before_any_job_and_names_the_key(after):
    def change(raw):
        raw["judges"]["bt"]["colour"] = "red"

    done = after.snakemake("all", config=after.with_config("wrong", change))
    assert done.returncode != 0
    assert "judges.bt.colour: unknown key" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_job_that_fails_shows_the_message_of_its_log(after):
    def change(raw):  # a teacher who always prefers the first story contradicts itself on every pair
        raw["run"] = "hopeless"
        raw["judges"]["teacher"]["first_position_bias"] = 100

    config = after.with_config("hopeless", change)
    done = after.snakemake("results/hopeless/chains/teacher/manifest.json", config=config)
    assert done.returncode != 0
    assert "error: teacher 'teacher' leaves none of 60 pairs: there is nothing to learn" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (after.folder / "results" / "hopeless" / "chains" / "teacher").exists()
    assert (after.folder / "results" / "hopeless" / "teachers" / "teacher" / "manifest.json").exists()


def own_run(after, rows):
    """A user's own pairs and model: the smoke run's base, brought as a folder."""
    (after.folder / "own.jsonl").write_text("".join(f"{row}\n" for row in rows))

    def change(raw):
        raw |= {"run": "own", "data": {"preferences": ["own.jsonl"]}}
        base = {"kind": "pretrained", "model": str(after.results / "bases" / "small" / "model")}
        raw["bases"] = {"small": base}
        raw["judges"] = {"bt": raw["judges"]["bt"]}
        raw["policies"] = {name: raw["policies"][name] for name in ("sft", "rlcs-bt")}
        raw["tables"] = {
            "alignment": {"rows": ["bt"]},
            "win_rates": {"rows": ["sft", "rlcs-bt"], "reference": "sft", "judges": ["bt"]},
        }

    return after.with_config("own", change)


def test_pairs_and_a_model_of_ones_own(after):
    rows = [
        json.dumps({"outline": f"o{n}", "story_a": f"a{n}", "story_b": f"b{n}", "label": "a"})
        for n in range(40)
    ]
    config = own_run(after, rows)
    jobs = after.planned(config=config)
    assert "make_world" not in jobs
    assert jobs["train_policy_grpo"] == jobs["train_bradley_terry"] == jobs["write_report"] == 1
    targets = [f"results/own/{name}/manifest.json" for name in ("preferences", "bases/small")]
    done = after.snakemake(*targets, config=config)
    assert done.returncode == 0, done.stdout
    assert read_manifest(after.folder / targets[0])["files"]["pairs.parquet"]["rows"] == 40
    brought, copied = (
        after.folder / "results" / run / "bases/small/model/model.safetensors" for run in ("smoke", "own")
    )
    assert load_file(brought).keys() <= load_file(copied).keys()

    own_run(after, [*rows, "{broken", "{broken", "{broken"])
    done = after.snakemake(targets[0], config=config)
    assert done.returncode != 0
    assert "error: 3 of 43 rows (7.0%) cannot be used: 3 broken JSON. At most 5.0% may be lost" in done.stdout
    assert "Traceback" not in done.stdout

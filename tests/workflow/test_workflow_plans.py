"""What Snakemake plans and says after the smoke run: reruns, other configs, failures."""

import json
import shutil

import pandas as pd
import pytest
from safetensors.torch import load_file

from configs import COMBINATIONS
from endpoint_server import KEY, VARIABLE, Server, always, echo_key, entry, ok
from rlcs.stages.manifest import read_manifest
from smoke_run import SOURCE, Workflow, judges_alone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def after(workflow, tmp_path_factory):
    """The smoke run, copied with its results: a place to change things in."""
    folder = tmp_path_factory.mktemp("after") / "copy"
    shutil.copytree(workflow.folder, folder)
    return Workflow(folder)


def test_afterwards_there_is_nothing_to_be_done(after):
    assert after.planned() == {}
    for name in (*SOURCE, "results"):
        for path in [after.folder / name, *(after.folder / name).rglob("*")]:
            path.touch()
    assert after.planned() == {}


def test_a_fresh_clone_with_the_results_copied_in_has_nothing_to_do(after, tmp_path):
    clone = Workflow.of_source(tmp_path / "clone")
    shutil.copytree(after.folder / "results", clone.folder / "results", copy_function=shutil.copyfile)
    assert clone.planned() == {}
    changed = clone.with_config("changed", lambda raw: raw["policies"]["rlcs"]["training"].update(beta=0.02))
    assert clone.planned(config=changed) == BELOW_POLICY


REPORT = {"write_report": 1, "all": 1}
BELOW_MATCHES = {"tabulate_win_rates": 1, "tabulate_gains": 1, "tabulate_constraints": 1}
BELOW_STORIES = {"judge_matches": 3, "write_gallery": 1, "write_blind_sheet": 1} | BELOW_MATCHES | REPORT
BELOW_POLICY = {"train_policy_grpo": 1, "sample_stories": 1, "plot_curves": 1} | BELOW_STORIES
BELOW_POLICIES = BELOW_POLICY | {"train_policy_grpo": 3, "sample_stories": 3}
BELOW_GENRM = (
    BELOW_POLICY
    | {"train_genrm_grpo": 1, "judge_test_pairs": 2, "tabulate_alignment": 1, "tabulate_effects": 1}
    | {"judge_injections": 1, "tabulate_injections": 1}
)
# all trainings but those of the base and of Bradley-Terry
BELOW_CHAINS = BELOW_POLICY | {
    "filter_chains": 1,
    "tabulate_filter": 1,
    "train_genrm_sft": 1,
    "train_genrm_grpo": 1,
    "judge_test_pairs": 3,
    "tabulate_alignment": 1,
    "judge_injections": 1,
    "tabulate_injections": 1,
    "tabulate_effects": 1,
}
BELOW_TEACHER = BELOW_CHAINS | {"find_consensus": 1, "tabulate_consensus": 1}
# one of each of the smoke run's models; one world and one set of preferences serve all seeds
SEED = {
    "train_bradley_terry": 1,
    "train_genrm_sft": 1,
    "train_genrm_grpo": 1,
    "judge_test_pairs": 4,
    "judge_injections": 2,
    "train_policy_sft": 1,
    "train_policy_grpo": 3,
    "sample_stories": 4,
    "judge_matches": 3,
}
TABLES = {
    "tabulate_alignment": 1,
    "tabulate_injections": 1,
    "tabulate_effects": 1,
    "plot_curves": 1,
    **BELOW_MATCHES,
} | REPORT
EVERYTHING = (
    BELOW_TEACHER | SEED | TABLES | {"judge_train_pairs": 3, "judge_test_pairs": 5}
)  # but data and base


@pytest.mark.parametrize(
    ("keys", "value", "jobs"),
    [
        (["policies", "rlcs", "training", "beta"], 0.02, BELOW_POLICY),
        (["policies", "rlcs-bt", "reward", "pivots"], 1, BELOW_POLICY),
        (["sampling", "temperature"], 0.9, {"sample_stories": 4} | BELOW_STORIES),
        (["paper"], {"alignment": {"genrm": 80.0}}, {"tabulate_alignment": 1} | REPORT),
        (["tables", "alignment", "rows"], ["genrm"], {"tabulate_alignment": 1} | REPORT),
        (
            ["judges", "genrm", "label_sources"],
            ["human", "panel"],
            BELOW_GENRM,
        ),
        # the chains that check evidence are an input
        (
            ["judges", "genrm", "evidence"],
            {"teacher": "teacher-b"},
            BELOW_GENRM | {"filter_chains": 1, "tabulate_filter": 1},
        ),
        (["judges", "genrm", "evidence"], None, BELOW_GENRM),
        (["judges", "spare"], {"kind": "scalar", "base": "small"}, {}),
        (["seeds"], [1, 2], SEED | TABLES | {"write_gallery": 1}),
        (
            ["seeds"],
            [2],
            SEED
            | TABLES
            | {
                "judge_test_pairs": 5,
                "judge_train_pairs": 3,
                "filter_chains": 1,
                "tabulate_filter": 1,
                "find_consensus": 1,
                "tabulate_consensus": 1,
                "write_gallery": 1,
                "write_blind_sheet": 1,  # of the first seed
            },
        ),
        (
            ["judges", "teacher", "length_bias"],
            0.05,
            BELOW_TEACHER | {"judge_train_pairs": 1, "judge_test_pairs": 4},
        ),
        # the tiny world's base is pre-trained on texts in the judge's format; other bases are not
        (
            ["judging", "template"],
            "$outline 1: $story_1 2: $story_2",
            EVERYTHING | {"prepare_base": 1, "judge_train_pairs": 2},  # all but the oracle
        ),
        (
            ["world", "seed"],
            1,
            EVERYTHING | {"generate_world": 1, "ingest": 1},
        ),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_change_of_the_config_plans_its_own_jobs_and_those_below(after, keys, value, jobs):
    def change(raw):
        *parents, key = keys
        for parent in parents:
            raw = raw[parent]
        raw[key] = value

    assert after.planned(config=after.with_config("changed", change)) == jobs


def test_without_policies_the_judges_stay_and_the_report_is_about_them(after, tmp_path):
    copy = Workflow(shutil.copytree(after.folder, tmp_path / "copy"))
    alone = copy.with_config("alone", judges_alone)
    assert copy.planned(config=alone) == {"plot_curves": 1, **REPORT}
    done = copy.snakemake("all", config=alone)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "genrm-votes agrees with the label" in done.stdout
    page = (copy.folder / "results/smoke/report/report.html").read_text(encoding="utf-8")
    assert "genrm-votes agrees with the label" in page
    assert "wins against" not in page
    assert "gallery.html" not in page
    assert copy.planned("export", config=alone) == {"export_model": 3, "export": 1}


def test_a_new_entry_plans_its_own_jobs_and_the_table_that_names_it(after):
    def change(raw):
        raw["judges"]["bt-2"] = {"kind": "scalar", "base": "small", "training": {"max_steps": 1}}
        raw["tables"]["alignment"]["rows"].append("bt-2")

    jobs = {
        "train_bradley_terry": 1,
        "judge_test_pairs": 1,
        "tabulate_alignment": 1,
        "plot_curves": 1,
    } | REPORT
    assert after.planned(config=after.with_config("changed", change)) == jobs


def test_a_vendors_model_plans_its_stories_and_no_training(after):
    def change(raw):
        raw["policies"]["vendor"] = {
            "train": "none",
            "backend": "openai",
            "model": "m",
            "base_url": "http://far/v1",
        }
        raw["tables"]["win_rates"]["rows"].append("vendor")
        raw["tables"]["ifeval"] = {"rows": ["vendor", "sft"], "hub": {"name": "google/IFEval"}}

    jobs = after.planned(config=after.with_config("changed", change))
    assert not any(rule.startswith("train") or rule == "prepare_base" for rule in jobs)
    new = {"sample_stories": 1, "import_instructions": 1, "sample_responses": 2, "tabulate_ifeval": 1}
    assert {rule: jobs.get(rule) for rule in new} == new


def test_a_sweep_over_labels_is_made_of_the_table_and_shown_on_the_page(after, tmp_path):
    clone = Workflow.of_source(tmp_path / "clone")
    shutil.copytree(after.folder / "results", clone.folder / "results", copy_function=shutil.copyfile)
    trained = {"bt": (20, 40), "genrm-sft": (20,), "genrm": (20,)}
    few = {f"{name}-{n}": (name, n) for name, numbers in trained.items() for n in numbers}

    def change(raw):
        for short, (name, labels) in few.items():
            raw["judges"][short] = raw["judges"][name] | {"human_labels": labels}
        raw["tables"]["alignment"]["rows"] += few
        raw["sweeps"] = {
            "labels": {
                "title": "Few labels",
                "metric": "accuracy_both_orders",
                "x": "human_labels",
                "series": {"Bradley-Terry": ["bt-40", "bt-20"], "GenRM": ["genrm-sft-20"]},
                "lines": ["bt", "length only"],
            }
        }

    config = clone.with_config("changed", change)
    jobs = {
        "train_bradley_terry": 2,
        "train_genrm_sft": 1,
        "train_genrm_grpo": 1,
        "judge_test_pairs": 4,
        "tabulate_alignment": 1,
        "tabulate_sweeps": 1,
        "plot_curves": 1,
    } | REPORT
    assert clone.planned(config=config) == jobs
    done = clone.snakemake("results/smoke/report/manifest.json", config=config)
    assert done.returncode == 0, done.stdout
    folder = clone.results / "tables" / "sweeps"
    table = pd.read_csv(folder / "sweep_labels.csv")
    alignment = pd.read_csv(clone.results / "tables" / "alignment" / "alignment.csv").set_index("system")
    assert list(table["system"]) == ["bt-20", "bt-40", "genrm-sft-20", "bt", "length only"]
    assert list(table["human_labels"].dropna()) == [20, 40, 20]
    for row in table.set_index("system").loc[["bt-20", "bt-40", "bt"]].itertuples():
        assert row.accuracy_both_orders == alignment.loc[row.Index, "accuracy"]  # the same of a reward model
    page = (clone.results / "report" / "report.html").read_text(encoding="utf-8")
    assert "Few labels" in page
    assert "Horizontal lines: bt, length only, by verdicts if they have no p." in page
    # each learnt from other pairs; GRPO of so small a judge, whose answers cannot be read, learns nothing
    learnt = [name for name in ("bt", "genrm-sft", *few) if not name.startswith("genrm-20")]
    weights = {
        (clone.results / f"judges/{name}/seed1/model/model.safetensors").read_bytes() for name in learnt
    }
    assert len(weights) == len(learnt) == 5


def test_a_reward_models_p_labels_pairs_for_a_genrm(after):
    def change(raw):
        raw["consensus"]["soft"] = {"teachers": ["bt"], "labels": "probability"}
        raw["judges"]["genrm"]["label_sources"] = ["human", "soft"]

    config = after.with_config("soft", change)
    added = {"judge_train_pairs": 1, "find_consensus": 1, "tabulate_consensus": 1}
    assert after.planned(config=config) == BELOW_GENRM | added


def test_a_probe_on_analyses_plans_them_and_itself(after):
    def change(raw):
        raw["judges"]["genrm-probe"] = {"kind": "generative", "train": "probe", "from": "genrm-sft"}
        raw["tables"]["alignment"]["rows"].append("genrm-probe")

    jobs = {
        "write_analyses": 1,
        "train_genrm_probe": 1,
        "judge_test_pairs": 1,
        "tabulate_alignment": 1,
        "plot_curves": 1,
    } | REPORT
    assert after.planned(config=after.with_config("changed", change)) == jobs


@pytest.mark.parametrize(
    ("file", "old", "new", "jobs"),
    [
        ("rlcs/rewards/pivots.py", "", "# a remark\n", {}),
        ("rlcs/rewards/pivots.py", '"""Rewards of a group of stories from co', '"""Other words: ', {}),
        ("rlcs/rewards/pivots.py", "fmean(known)", "max(known)", BELOW_POLICIES),
        ("tabulate_filter.py", "", "ONE = 1\n", {"tabulate_filter": 1} | REPORT),
        ("rlcs/report/templates/report.html.j2", "", "<!-- a remark -->", REPORT),
        ("filter_chains.py", "", "ONE = 1\n", BELOW_CHAINS),
    ],
)
def test_a_change_of_the_code_plans_what_runs_it(after, file, old, new, jobs):
    path = after.folder / "workflow_scripts" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
    try:
        assert after.planned() == jobs
    finally:
        path.write_text(text, encoding="utf-8")


def manifests(after):
    return {path: path.read_bytes() for path in after.results.rglob("manifest.json")}


def test_the_same_bytes_stop_a_rerun(after):
    """Other code, the same chains: whoever reads them has nothing to do."""
    before = manifests(after)
    script = after.folder / "workflow_scripts" / "filter_chains.py"
    text = script.read_text(encoding="utf-8")
    script.write_text(text + "ONE = 1\n", encoding="utf-8")
    done = after.snakemake("results/smoke/chains/teacher/manifest.json")
    assert done.returncode == 0, done.stdout
    assert after.planned() == {}
    assert manifests(after) == before
    script.write_text(text, encoding="utf-8")
    done = after.snakemake("all")  # plans all below the filter, since Snakemake cannot know
    assert done.returncode == 0, done.stdout
    report = after.results / "report" / "manifest.json"  # states durations
    assert {path for path, made in manifests(after).items() if before[path] != made} <= {report}
    logs = after.results / "logs"
    stood = {
        path.relative_to(logs).with_suffix("").as_posix()
        for path in logs.rglob("*.log")
        if "is up to date; delete it to rebuild" in path.read_text(encoding="utf-8")
    }
    # tables, figures and the report, whose files Snakemake has removed, are written again
    assert stood == {
        "judges/genrm-sft/seed1",
        "judges/genrm/seed1",
        "alignment/genrm-sft/seed1",
        "alignment/genrm/seed1",
        "alignment/genrm-votes/seed1",
        "injections/genrm/seed1",
        "policies/rlcs/seed1",
        "stories/rlcs/seed1",
        *(f"matches/{judge}/seed1" for judge in ("oracle", "bt", "genrm")),
    }
    assert after.planned() == {}


def test_the_same_seed_makes_the_same_bytes(after):
    """Weights, histories, judgements, stories and tables, without a byte of the first run's models."""
    before = manifests(after)
    for folder in ("bases", "judges", "policies", "tables", "stories/sft", "alignment/genrm"):
        shutil.rmtree(after.results / folder)
    done = after.snakemake("all")
    assert done.returncode == 0, done.stdout
    after_it = manifests(after)
    report = after.results / "report" / "manifest.json"  # states durations
    assert {path for path in before if before[path] != after_it[path]} <= {report}


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_every_config_can_be_planned(after, names):
    jobs = after.planned(config=" ".join(f"config/{name}" for name in names))
    assert names == ["smoke.yaml"] or jobs["write_report"] == 1


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
        raw["run"] = "all_violating"
        raw["judges"]["teacher"]["first_position_bias"] = 100

    config = after.with_config("all_violating", change)
    done = after.snakemake("results/all_violating/chains/teacher/manifest.json", config=config)
    assert done.returncode != 0
    assert "error: teacher 'teacher' leaves none of 60 pairs: there is nothing to learn" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (after.folder / "results" / "all_violating" / "chains" / "teacher").exists()
    assert (after.folder / "results" / "all_violating" / "teachers" / "teacher" / "manifest.json").exists()


def own_run(after, rows):
    """A user's own pairs and model: the smoke run's base, brought as a folder."""
    (after.folder / "own.jsonl").write_text("".join(f"{row}\n" for row in rows))

    def change(raw):
        raw |= {"run": "own", "data": {"preferences": ["own.jsonl"]}}
        base = {"kind": "pretrained", "model": str(after.results / "bases" / "small" / "model")}
        raw["bases"] = {"small": base}
        raw["judges"] = {"bt": raw["judges"]["bt"]}
        raw["policies"] = {name: raw["policies"][name] for name in ("sft", "rlcs-bt")}
        del raw["policies"]["rlcs-bt"]["select"], raw["consensus"], raw["effects"]
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
    assert "generate_world" not in jobs
    assert jobs["train_policy_grpo"] == jobs["train_bradley_terry"] == jobs["write_report"] == 1
    targets = [f"results/own/{name}/manifest.json" for name in ("preferences", "bases/small")]
    done = after.snakemake(*targets, config=config)
    assert done.returncode == 0, done.stdout
    assert read_manifest(after.folder / targets[0])["files"]["pairs.parquet"]["rows"] == 40
    brought, copied = (
        after.folder / "results" / run / "bases/small/model/model.safetensors" for run in ("smoke", "own")
    )
    assert load_file(brought).keys() <= load_file(copied).keys()

    targets.append("results/own/judges/bt/seed1/manifest.json")
    assert after.snakemake(*targets, config=config).returncode == 0
    (after.folder / "own.jsonl").touch()
    assert after.planned(*targets, config=config) == {}
    own_run(after, [*rows, rows[0].replace("o0", "o40")])
    assert after.planned(*targets, config=config) == {"ingest": 1, "train_bradley_terry": 1}

    own_run(after, [*rows, "{broken", "{broken", "{broken"])
    done = after.snakemake(targets[0], config=config)
    assert done.returncode != 0
    assert "error: 3 of 43 rows (7.0%) cannot be used: 3 broken JSON. " in done.stdout
    assert "At most 5.0% may be lost" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_planted_key_is_nowhere(after, monkeypatch):
    """Neither in files, logs and Snakemake's own records nor in the DAG, whatever the endpoint answers."""
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(always(ok())) as server:

        def change(raw):
            raw["run"] = "far"
            raw["judges"]["far"] = json.loads(entry(server).model_dump_json())
            raw["tables"]["alignment"]["rows"] = ["far"]

        config = after.with_config("far", change)
        said = [after.snakemake("results/far/tables/alignment/manifest.json", config=config)]
        assert said[0].returncode == 0, said[0].stdout
        assert server.paid.total() > 0
        server.behave = always(echo_key(401))
        (after.folder / "results" / "far" / "answers" / "far").rename(after.folder / "answers")
        shutil.rmtree(after.folder / "results" / "far" / "alignment")
        said.append(after.snakemake("results/far/alignment/far/seed1/manifest.json", config=config))
        assert said[-1].returncode != 0
        assert "error: " in said[-1].stdout
    for arguments in (["--dag"], ["--rulegraph"], ["--dry-run", "--printshellcmds"]):
        said.append(after.snakemake("all", *arguments, config=config))
        assert said[-1].returncode == 0
    assert all(KEY not in done.stdout for done in said)
    for path in after.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_another_tracker_makes_nothing_run_again(after):
    for tracker in ("wandb", "none"):
        changed = after.with_config(f"tracked-by-{tracker}", lambda raw, to=tracker: raw.update(tracking=to))
        assert after.planned(config=changed) == {}

"""The Slurm profile without a Slurm: what its jobs ask for, what a site must fill in, and what is planned."""

import copy
import re
import subprocess
import sys

import pytest
import yaml

from paths import ROOT
from rlcs.config import parsing
from rlcs.planning import slurm_site
from rlcs.planning.slurm_site import Nodes
from slurm_profile import asked, options, own_resources
from smoke_run import SMOKE, Workflow

EMPTY = yaml.safe_load((ROOT / "slurm" / "site.yaml").read_text(encoding="utf-8"))
FULL = {
    "account": "lab",
    "gpu_partition": "gpu",
    "cpu_partition": "cpu",
    "max_hours": 48,
    "max_gigabytes": 200,
    "qos": "high",
    "gpu_constraint": "a100",
}
RULES = {
    block.split(":")[0]: block
    for path in sorted((ROOT / "rules").glob("*.smk"))
    for block in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]
}
# a name for each wildcard of a rule; a policy of any kind stands for all of its rule
NAMES = {"teacher": "genrm", "judge": "genrm", "policy": "rlcs", "base": "small", "seed": "1"}


def run_of(launch=None, **sections):
    """The smoke run with a policy that a judge chooses for, and a launch for judge and policy."""
    raw = copy.deepcopy(SMOKE) | sections
    raw["policies"]["best"] = {"train": "none", "from": "sft", "best_of": {"judge": "genrm"}}
    for entry in (raw["policies"]["rlcs"], raw["judges"]["genrm"]):
        entry["launch"] = launch and str(launch)
    return parsing.parse(raw)


def of(rule, attempt, site, *, launch=None, several_nodes=False, **names):
    """What a job of the smoke run asks for."""
    names = NAMES | ({"policy": "best"} if rule == "choose_stories" else {}) | names
    return asked(rule, attempt, site, run_of(launch), launch=launch, several_nodes=several_nodes, **names)


def test_the_profile_is_the_only_place_of_resources():
    assert [name for name, block in RULES.items() if "\n    resources:" in block] == []


def test_every_rule_that_loads_a_model_has_resources_of_its_own():
    models = {name for name, block in RULES.items() if re.search(r"^        (model|base)=", block, re.M)}
    assert own_resources(EMPTY).keys() == models | {"prepare_base"}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_job_asks_for_memory_time_cpus_and_a_partition(rule):
    job = of(rule, 1, FULL)
    assert job["mem_mb"] >= 1000
    assert job["runtime"] >= 60
    assert job["cpus_per_task"] >= 1
    assert job["slurm_partition"] == ("gpu" if job["gpu"] else "cpu")
    assert job["constraint"] == ("a100" if job["gpu"] else None)
    assert (job["slurm_account"], job["qos"]) == ("lab", "high")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_an_attempt_asks_for_more_up_to_what_the_site_has(rule):
    for name, most in (("mem_mb", 200_000), ("runtime", 48 * 60)):
        first, second, third = (of(rule, attempt, FULL)[name] for attempt in (1, 2, 3))
        assert (second, third) == (min(2 * first, most), min(3 * first, most))
        assert [of(rule, attempt, EMPTY)[name] for attempt in (1, 2, 3)] == [first, 2 * first, 3 * first]


@pytest.mark.parametrize("rule", ["judge_train_pairs", "judge_test_pairs", "judge_matches"])
def test_a_judge_without_weights_needs_no_gpu(rule):
    assert of(rule, 1, FULL)["gpu"] == 1
    without = of(rule, 1, FULL, teacher="oracle", judge="oracle")
    assert (without["gpu"], without["slurm_partition"]) == (0, "cpu")


NEW = ("gpu", "gres", "nodes", "tasks_per_node", "mpi")


@pytest.mark.parametrize(
    ("launch", "shape", "cpus", "gigabytes"),
    [
        (None, {"gpu": 1, "nodes": 1}, 8, 96),
        ("ddp-8", {"gpu": 8, "nodes": 1}, 64, 768),
        ("fsdp2-4", {"gpu": 4, "nodes": 1}, 32, 384),
        ("fsdp2-4x8", {"gres": "gpu:8", "nodes": 4, "tasks_per_node": 2, "mpi": "srun"}, 32, 768),
    ],
)
@pytest.mark.parametrize(
    "rule",
    # a probe is fitted by one process
    sorted(name for name in RULES if name.startswith("train_") and name != "train_genrm_probe"),
)
def test_a_training_has_a_gpu_for_each_process_of_its_launch(rule, launch, shape, cpus, gigabytes):
    file = launch and ROOT / "config" / "accelerate" / f"{launch}.yaml"
    several = "mpi" in shape
    job = of(rule, 1, FULL | {"max_gigabytes": 2000}, launch=file, several_nodes=several)
    assert {name: job[name] for name in NEW if name in job} == shape
    assert (job["cpus_per_task"], job["mem_mb"]) == (cpus, 1000 * gigabytes)
    assert (job["slurm_partition"], job["constraint"]) == ("gpu", "a100")
    job = of(rule, 1, FULL, launch=file, several_nodes=several)
    assert job["mem_mb"] == min(gigabytes, 200) * 1000


def test_a_job_on_one_node_has_a_step_of_its_own():
    # the executor gives none to a job that names mpi; no step, no warning before the time limit
    assert all("mpi" not in resources for resources in own_resources(FULL).values())


def test_what_is_left_to_slurm_is_not_asked_for():
    job = of("train_genrm_grpo", 1, EMPTY)
    assert "slurm_account" not in job
    assert "qos" not in job
    assert (job["slurm_partition"], job["constraint"]) == ("", None)  # neither says anything to sbatch


def test_a_number_as_account_stays_a_text():
    assert of("judge_train_pairs", 1, FULL | {"account": 12345})["slurm_account"] == "12345"


def test_the_profile_names_a_run_that_is_there():
    assert (ROOT / options(EMPTY)["configfile"]).is_file()


def test_the_empty_file_is_told_what_is_missing():
    assert [problem.split(":")[0] for problem in slurm_site.problems(EMPTY)] == list(slurm_site.REQUIRED_KEYS)
    assert slurm_site.problems(FULL) == []
    assert slurm_site.problems(dict.fromkeys(slurm_site.REQUIRED_KEYS, "default")) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acount": "lab"}, "acount: unknown key; known are account, "),
        ({"max_hours": "2-0"}, "max_hours: '2-0' must be a whole number above 0"),
        ({"max_gigabytes": 0}, "max_gigabytes: 0 must be a whole number above 0"),
        ({"max_hours": True}, "max_hours: True must be a whole number above 0"),
        ({"gpu_hour_price": "2 EUR"}, "gpu_hour_price: '2 EUR' must be a number"),
    ],
)
def test_what_a_site_cannot_say(change, message):
    (problem,) = slurm_site.problems(FULL | change)
    assert problem.startswith(message)


NODES = [Nodes.of_line(line) for line in ("cpu|infinite|(null)|500000", "gpu|2-00:00:00|gpu:a100:8|250000")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"gpu_partition": "default", "cpu_partition": "default"}, None),
        ({"gpu_partition": "big"}, "gpu_partition: 'big' is not a partition here; there are cpu, gpu"),
        ({"gpu_partition": "cpu"}, "gpu_partition: no node of 'cpu' has a GPU"),
        ({"max_hours": 49}, "max_hours: 49 is more than the 48 hours of 'gpu'"),
        ({"max_gigabytes": 251}, "max_gigabytes: 251 is more than the 250000 MB in 'gpu'"),
    ],
)
def test_what_the_cluster_lacks(change, message):
    assert slurm_site.cluster_problems(FULL | change, NODES) == ([] if message is None else [message])


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("(null)", 0),
        ("gpu:8", 8),
        ("gpu:a100:8(S:0-1)", 8),
        ("gpu", 1),
        ("gpu:a100:4,gpu:t4:2(S:0,1)", 6),
        ("shard:16,gpu:h100:8", 8),
        ("gpumem:80", 0),
    ],
)
def test_the_gpus_of_a_node_are_counted(gres, gpus):
    assert slurm_site.count_gpus(gres) == gpus


@pytest.mark.parametrize(
    ("change", "nodes", "said"),
    [
        ({}, NODES, "the largest node of 'gpu' has 8"),
        ({"gpus_per_node": 4}, NODES, "gpus_per_node has 4"),
        ({"gpus_per_node": 4}, [], "gpus_per_node has 4"),
        ({"gpus_per_node": 9}, NODES, None),
        ({}, [], None),
        ({"gpu_partition": "default"}, NODES, "the largest node of 'default' has 8"),
    ],
)
def test_a_job_that_no_node_can_hold_is_refused(change, nodes, said):
    asked = {
        "policies.one": (1, "1 of the training"),
        "policies.nine": (9, "8 of the training + 1 of judge x"),
    }
    lines = slurm_site.node_problems(FULL | change, nodes, asked)
    assert len(lines) == (said is not None)
    assert all(
        line.startswith("policies.nine needs 9 GPUs of a node (8 of the") and said in line for line in lines
    )


@pytest.mark.parametrize(
    ("limit", "hours"), [("30:00", 0.5), ("1:00:00", 1), ("4-12:00:00", 108), ("infinite", float("inf"))]
)
def test_a_time_limit_is_read(limit, hours):
    assert slurm_site.limit_hours(limit) == hours


@pytest.mark.parametrize(
    ("age", "accounting", "advice"),
    [
        (300, "none", None),
        (60, "none", "ask for 300 s"),
        (60, "slurmdbd", "set slurm-status-command to sacct"),
    ],
)
def test_jobs_that_are_forgotten_before_they_are_asked_for(age, accounting, advice):
    said = f"AccountingStorageType   = accounting_storage/{accounting}\nMinJobAge               = {age} sec\n"
    found = slurm_site.status_problems(said)
    assert len(found) == (advice is not None)
    assert all(f"after {age} s (MinJobAge)" in problem and advice in problem for problem in found)


PROFILE = (ROOT / "slurm" / "config.yaml").read_text(encoding="utf-8")


def test_the_hours_of_all_attempts_are_those_that_the_profile_asks_for():
    for site in (EMPTY, FULL):
        limits = slurm_site.time_limits(PROFILE, site)
        assert limits.keys() == own_resources(EMPTY).keys()
        for rule in ("judge_matches", "train_policy_sft"):
            asked_for = [of(rule, attempt, site)["runtime"] / 60 for attempt in (1, 2, 3, 4, 5)]
            assert limits[rule] == sum(asked_for)
    assert slurm_site.time_limits("set-resources:\n  x: ?job(hours=2)\n", EMPTY) == {"x": 2}


@pytest.mark.slow
def test_the_papers_run_is_planned_on_a_fresh_clone(tmp_path):
    clone = Workflow.of_source(tmp_path / "clone")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n", "all"]
    done = subprocess.run(command, cwd=clone.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"^Report: results/paper/report/report.html \(", done.stdout, re.M)


@pytest.mark.slow
def test_check_names_what_the_site_has_not_filled_in(tmp_path):
    clone = Workflow.of_source(tmp_path / "clone")
    done = clone.snakemake("check", "--profile", "slurm", "--slurm-init-seconds-before-status-checks", "1")
    assert done.returncode == 1
    found = re.findall(r"\| error: slurm/site.yaml: (\w+): missing", done.stdout, re.M)
    assert set(found) == set(slurm_site.REQUIRED_KEYS)

"""`snakemake --profile slurm` on a real Slurm: what is submitted, and what becomes of stopped jobs."""

import os
import re
from pathlib import Path

import pytest
from filelock import FileLock

from rlcs.config import parsing
from slurm_cluster import unavailable
from slurm_profile import asked
from slurm_run import (
    CANCELLED,
    LATE,
    NODES,
    POLICIES,
    REQUEUED,
    SITE,
    STEPS,
    STOPPED,
    WHOLE,
    WIDE,
    WIDE_STEPS,
    Record,
    comment,
    config,
    run,
)

pytestmark = pytest.mark.slow(minutes=3)


@pytest.fixture(scope="session")
def record(tmp_path_factory):
    """The run, made once for all workers of pytest-xdist; one at a time, as a machine has one /etc/slurm."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    kept = root / "slurm.json"
    with FileLock("/tmp/rlcs-slurm.lock"):
        if not kept.exists():
            if reason := unavailable():
                pytest.skip(f"no Slurm: {reason}")
            if (root / "slurm").exists():
                pytest.fail("the run failed, as another worker's tests say")
            run(root / "slurm").write(kept)
    return Record.read(kept)


@pytest.fixture
def results(record):
    return Path(record.results)


def test_the_jobs_are_those_of_the_graph_and_of_the_retries(record):
    assert record.states == {
        "rule_generate_world": ["COMPLETED"],
        "rule_ingest": ["COMPLETED"],
        "rule_prepare_base_wildcards_small": ["COMPLETED"],
        comment(WHOLE): ["COMPLETED"],
        comment(REQUEUED): ["COMPLETED"],
        comment(CANCELLED): ["CANCELLED", "COMPLETED"],
        comment(LATE): ["TIMEOUT", "COMPLETED"],
    }
    assert {name for name, restarts in record.restarts.items() if restarts} == {comment(REQUEUED)}


def test_each_job_asked_slurm_for_what_the_profile_says(record):
    small = parsing.parse(config())
    for name, attempts in record.jobs.items():
        rule, _, names = name.removeprefix("rule_").partition("_wildcards_")
        for attempt, job in enumerate(attempts, start=1):
            wanted = asked(rule, attempt, SITE, small, policy=names.removesuffix("_1"))
            assert job["Account"] == wanted["slurm_account"]
            assert job["Partition"] == wanted["slurm_partition"]
            assert (job["CPUs/Task"], job["NumCPUs"]) == (str(wanted["cpus_per_task"]),) * 2
            assert megabytes(job["MinMemoryNode"]) == wanted["mem_mb"]
            assert minutes(job["TimeLimit"]) == wanted["runtime"]
            gpus = wanted["gpu"]
            assert job.get("TresPerJob", "").strip() == (f"gres:gpu:{gpus}" if gpus else "")
            assert job["Features"] == (wanted["constraint"] or "(null)")
            assert job["Requeue"] == "1"


def megabytes(text):
    number, unit = float(text[:-1]), text[-1]
    return number * {"M": 1, "G": 1024}[unit]


def minutes(text):
    days, _, clock = text.rpartition("-")
    hours, minute, seconds = map(int, clock.split(":"))
    assert seconds == 0
    return (int(days or 0) * 24 + hours) * 60 + minute


def test_what_is_said_to_sbatch(record):
    """The lines as they are emitted, but for the run's id, its folder and the command that is wrapped."""
    lines = re.findall(r"^sbatch call: (sbatch .*?) --wrap=", record.output, re.M)
    folder = str(Path(record.results).parent.parent)
    lines = [re.sub(r"--job-name \S+", "--job-name RUN", line).replace(folder, "FOLDER") for line in lines]
    start = "sbatch --parsable --job-name RUN --output FOLDER/.snakemake/slurm_logs"
    assert [line for line in lines if "rule_prepare_base" in line] == [
        f"{start}/rule_prepare_base/small/%j.log --export=ALL --comment rule_prepare_base_wildcards_small"
        "  -A lab  -p cpu -t 240 --mem 64000 --requeue --ntasks=1 --cpus-per-task=4"
        " --signal=TERM@300 --open-mode=append -D FOLDER"
    ]
    # the second attempt asks for more, up to what the site has
    assert [line for line in lines if comment(LATE) in line] == [
        f"{start}/rule_train_policy_sft/{LATE}_1/%j.log --export=ALL --comment {comment(LATE)}"
        f"  -A lab  -p gpu -t {hours * 60} -C 'a100|h100' --mem {gigabytes}000 --nodes=1 --requeue"
        " --cpus-per-task=8 --signal=TERM@300 --open-mode=append -D FOLDER --gpus=1"
        for hours, gigabytes in [(24, 96), (30, 150)]
    ]


@pytest.mark.parametrize("policy", STOPPED)
def test_a_training_that_was_stopped_goes_on_where_it_saved(record, results, policy):
    assert 1 <= record.saved[policy] < STEPS
    log = (results / "logs" / "policies" / policy / "seed1.log").read_text()  # since it goes on
    assert log.count("'loss'") == STEPS - record.saved[policy]
    manifests = [results / "policies" / name / "seed1" / "manifest.json" for name in (policy, WHOLE)]
    assert manifests[0].read_bytes() == manifests[1].read_bytes()
    assert not list((results / "policies" / policy).glob("*.checkpoints"))
    # the shell waited for it: else Slurm would have ended the job, and what is left of it, before
    assert (
        "returned non-zero exit status 143" in slurm_logs(results)[record.jobs[comment(policy)][0]["JobId"]]
    )


def slurm_logs(results):
    """What each job printed, by its number."""
    folder = results.parent.parent / ".snakemake" / "slurm_logs"
    return {path.stem: path.read_text() for path in folder.rglob("*.log")}


def test_trainings_side_by_side_have_a_gpu_each_and_other_jobs_none(record, results):
    printed = slurm_logs(results)
    seen = {
        name: re.findall(r"'CUDA_VISIBLE_DEVICES': '(.*?)'", printed[attempts[0]["JobId"]])
        for name, attempts in record.jobs.items()
    }
    gpus = [seen.pop(comment(policy))[0] for policy in POLICIES]  # a job that is queued again may get another
    assert sorted(gpus) == ["0", "1", "2", "3"]
    assert not any(seen.values())


def test_what_every_job_printed_is_kept(record, results):
    jobs = [*(job for tries in record.jobs.values() for job in tries), record.wide]
    assert slurm_logs(results).keys() == {job["JobId"] for job in jobs}


def test_check_asks_the_cluster(record):
    assert record.wrong_site == [
        "gpu_partition: 'gpus' is not a partition here; there are cpu, gpu",
        "max_hours: 100 is more than the 96 hours of 'cpu'",
        "max_gigabytes: 4000 is more than the 2000000 MB in 'cpu'",
    ]


def test_a_training_on_two_nodes_is_one_training(record, results):
    job = record.wide
    assert job["NumNodes"] == str(NODES)
    assert job["TresPerNode"].strip() == "gres:gpu:1"
    log = (results / "logs" / "policies" / WIDE / "seed1.log").read_text()
    assert f"starting {NODES} processes: srun " in log
    assert log.count("'loss'") == WIDE_STEPS
    assert "wrote" in log
    assert (results / "policies" / WIDE / "seed1" / "model" / "model.safetensors").exists()

"""What a local run does before its first job: it counts GPUs, and stops if its jobs lack something.

And a run of a person's own, from `snakemake init` to a rehearsal.
"""

import os
import random
import re
import subprocess
import sys

import pytest

from smoke_run import Workflow
from stranger_files import jsonl
from stranger_files import rows as stranger_rows

# Snakemake on a machine that has a GPU, as far as the workflow can see.
WITH_GPU = """
import sys
sys.path.insert(0, "workflow_scripts")
from rlcs.stages import gpus
gpus.may_have_gpu = lambda: True
from snakemake.cli import main
from snakemake.workflow import Workflow
execute = Workflow.execute
def told(workflow, *arguments, **named):
    execute(workflow, *arguments, **named)
    print("the machine has", workflow.global_resources["gpu"].value)
    for job in workflow.dag.jobs:
        print("asked", job.rule.name, job.resources.get("gpu"))
Workflow.execute = told
main(sys.argv[1:])
"""


STORIES = ("story_a", "story_b")


def told(row, key):
    """A story of a person: other words than a stand-in has read, and another length than the next one's."""
    words = "“Is it you?” Lena asked, and the lantern in the attic answered slowly, like a thought."
    return " ".join(random.Random(f"{row} {key}").choices(words.split(), k=5 + row % 50))


@pytest.fixture
def workflow(tmp_path):
    return Workflow.of_source(tmp_path / "workflow")


def rows(said):
    """The rows of the table in what Snakemake said: level, subject, rest."""
    return re.findall(r"^\s*(error|warning|ok) +(\S+)  +(.+)$", said, re.M)


def test_a_missing_file_stops_every_command_before_the_first_job(workflow):
    (workflow.folder / "smollm.yaml").write_text((workflow.folder / "config" / "smollm.yaml").read_text())
    done = workflow.snakemake("--dry-run", "all", "--config", "preferences=no.jsonl", config="smollm.yaml")
    assert done.returncode != 0
    assert ("error", "data.preferences", "no such file: no.jsonl") in rows(done.stdout)


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (lambda raw: raw.update(tracking="wandb"), ("error", "tracking", "wandb is not installed")),
        (
            lambda raw: (
                raw["judges"].update(mine={"kind": "plugin", "file": "broken.py"}),
                raw["tables"]["alignment"]["rows"].append("mine"),
            ),
            ("error", "judges.mine.file", "ZeroDivisionError"),
        ),
    ],
)
@pytest.mark.slow
def test_a_run_that_cannot_report_or_load_a_plug_in_stops_before_its_first_job(workflow, change, row):
    (workflow.folder / "broken.py").write_text("1 / 0\n\n\ndef judge(comparisons):\n    return []\n")
    done = workflow.snakemake("all", config=workflow.with_config("broken", change))
    assert done.returncode != 0
    level, subject, said = row
    assert any(found[:2] == (level, subject) and said in found[2] for found in rows(done.stdout)), done.stdout
    assert not list(workflow.folder.glob("results/*/world"))


@pytest.mark.slow
def test_a_run_whose_jobs_lack_a_key_or_a_gpu_stops_before_its_first_job(workflow):
    def change(raw):
        entry = {"kind": "generative", "backend": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"}
        raw["judges"]["vendor"] = entry | {"api_key_env": "NO_SUCH_KEY"}
        raw["tables"]["alignment"]["rows"].append("vendor")
        raw["training"]["use_cpu"] = False
        raw["training"].pop("bf16", None)

    config = workflow.with_config("lacking", change)
    done = workflow.snakemake("all", config=config)
    assert done.returncode != 0
    found = {(level, subject) for level, subject, _ in rows(done.stdout)}
    assert found == {("error", "judges.vendor"), ("error", "gpu")}
    assert not list(workflow.results.glob("world*"))
    bt = workflow.snakemake("--dry-run", "results/smoke/judges/bt/seed1/manifest.json", config=config)
    assert bt.returncode == 0  # no job runs


def test_jobs_of_one_machine_share_its_gpus(workflow):
    words = [sys.executable, "-c", WITH_GPU, "-n", "all", "--configfile", "config/smoke.yaml", "--cores", "2"]
    said = subprocess.run(
        words, cwd=workflow.folder, env=os.environ, capture_output=True, text=True, check=False
    ).stdout
    assert "the machine has 1" in said
    asked = dict(re.findall(r"^asked (\w+) (\d)$", said, re.M))
    assert {asked[rule] for rule in asked if rule.startswith("train_")} == {"1"}
    assert asked["judge_matches"] == "1"
    assert asked["ingest"] == asked["tabulate_win_rates"] == "0"


@pytest.mark.slow(minutes=1)
def test_a_file_becomes_a_config_that_can_be_rehearsed_to_its_report(workflow):
    pairs = workflow.folder / "my pairs.jsonl"
    stories = {key: lambda row, key=key: "" if row in (5, 50) else told(row, key) for key in STORIES}
    pairs.write_bytes(jsonl(stranger_rows(160, split="", **stories)))
    ways = ("--config", f"preferences={pairs.name}", "for=cpu")
    first = workflow.snakemake("init", *ways)
    assert first.returncode == 0, first.stdout
    assert "160 rows, 158 used" in first.stdout
    again = workflow.snakemake("init", *ways)
    assert again.returncode != 0
    assert "config/mine.yaml is there already" in again.stdout
    checked = workflow.snakemake("check", config="config/mine.yaml")
    assert checked.returncode == 0, checked.stdout
    assert {level for level, *_ in rows(checked.stdout)} <= {"warning", "ok"}
    done = workflow.snakemake("rehearse", "--config", "each=1", config="config/mine.yaml")
    assert done.returncode == 0, done.stdout[-3000:]
    page = (workflow.folder / "results/mine-rehearsal/report/report.html").read_text(encoding="utf-8")
    assert "<strong>Rehearsal.</strong>" in page
    assert "2 of 160 rows of the data could not be used" in page

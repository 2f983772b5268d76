"""`snakemake rehearse`: what it reads of Snakemake's words, and small rehearsals from start to page."""

import pytest
import yaml

import rehearse
from paths import ROOT
from rlcs.config import parsing
from rlcs.planning.run_plan import RunPlan
from rlcs.training import planned

SAID = """Select jobs to execute...
[Sun Nov 29 02:16:08 2026]
Error in rule train_genrm_sft:
    message: GenRM SFT
    jobid: 7
    output: results/big-rehearsal/judges/g/seed1/manifest.json
    log: {log} (check log file(s) for error details)
    shell:
        python workflow_scripts/train_genrm_sft.py

Error in rule other:
    jobid: 8
"""


def test_the_first_failure_is_named_with_the_last_line_of_its_log(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("much\nerror: this counts\n")
    said = rehearse.first_failure(SAID.replace("{log}", str(log)))
    assert said == rehearse.Failure(f"train_genrm_sft failed ({log}): error: this counts", "judges/g/seed1")
    assert rehearse.first_failure("invalid config:\n  x: no") == rehearse.Failure(
        "the rehearsal did not start: invalid config:   x: no"
    )


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["rehearse"], []),
        (["rehearse", "--configfile", "a.yaml", "b.yaml", "-c", "2"], ["-c", "2"]),
        (["--profile", "slurm", "rehearse", "--config", "each=1", "x=2"], ["--profile", "slurm"]),
    ],
)
def test_snakemakes_other_words_are_passed_on(words, kept):
    assert rehearse.parse_words(words) == kept


def test_a_failure_says_what_it_would_have_cost(tmp_path):
    paper = parsing.parse(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))
    for name in ("judges/bt-7b/seed1", "preferences", "alignment/bt-7b/seed1"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manifest.json").write_text("{}")
    jobs = RunPlan.of(paper, planned.plans(paper)[0]).jobs()
    spent = jobs["judges/bt-7b"].gpu_hours + jobs["alignment/bt-7b"].gpu_hours
    assert spent > 0.1
    failure = rehearse.Failure("train_policy_grpo failed", "policies/rlcs-bt/seed1")
    said = rehearse.describe(failure, tmp_path, paper)
    assert said.startswith("train_policy_grpo failed. At scale: policies.rlcs-bt: ")
    assert "each of 4 GPUs" in said
    assert said.endswith(f"2 planned jobs ended before it, of {spent:,.0f} GPU hours with one seed.")

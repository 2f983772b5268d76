"""`snakemake rehearse`: what it reads of Snakemake's words, and small rehearsals from start to page."""

import json
import os
import re
import shutil

import pytest
import yaml

import rehearse
from paths import ROOT
from planted_faults import message
from rlcs.config import parsing
from rlcs.planning.run_plan import RunPlan
from rlcs.training import planned
from smoke_run import SMOKE, Workflow

SAID = """Using workflow specific profile profiles/default for setting default command line arguments.
02:16:08 3 of 9 Base model small, 51 s; about 2 min 30 s left
error: this counts
    log: a.log
    stage: GenRM SFT: g, seed 1, after 9 s
    rule: train_genrm_sft, job 7
    output: results/big-rehearsal/judges/g/seed1/manifest.json
    | much
    | error: this counts
error: another
    log: b.log
    rule: other, job 8
"""


def test_the_first_failure_is_named_with_the_line_that_counts():
    said = rehearse.first_failure(SAID)
    assert said == rehearse.Failure("train_genrm_sft failed (a.log): error: this counts", "judges/g/seed1")
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


def test_pairs_in_a_folder_are_at_hand_and_missing_ones_are_not(tmp_path):
    run = yaml.safe_load(first_yaml("README.md"))

    def of(path):
        return parsing.parse({**run, "data": {"preferences": [str(path)]}})

    assert not rehearse.is_at_hand(of(tmp_path))  # nothing is in it yet
    (tmp_path / "pairs.jsonl").touch()
    assert rehearse.is_at_hand(of(tmp_path))
    assert rehearse.is_at_hand(of(tmp_path / "pairs.jsonl"))
    assert not rehearse.is_at_hand(of(tmp_path / "more.jsonl"))


# ------------------------------------------------------------------------------------ from start to page


@pytest.fixture
def workflow(tmp_path):
    return Workflow.of_source(tmp_path / "workflow")


def rehearsed(workflow, config, *words):
    """Snakemake's exit status, all that it said, and the page."""
    done = workflow.snakemake("rehearse", *words, config=config)
    pages = list(workflow.folder.glob("results/*-rehearsal/rehearsal.md"))
    assert len(pages) == 1, done.stdout[-3000:]
    return done.returncode, done.stdout, pages[0].read_text(encoding="utf-8")


def first_yaml(page):
    """The first config of a page: a run that a person copies from it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return next(block for block in re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S) if "run: " in block)


@pytest.mark.slow(minutes=2)
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_the_run_of_a_page_can_be_rehearsed(workflow, page):
    (workflow.folder / "mine.yaml").write_text(first_yaml(page))
    code, said, found = rehearsed(workflow, "mine.yaml", "--config", "each=2")
    assert code == 0, said[-3000:]
    assert "Nothing was found." in found


@pytest.mark.slow(minutes=3)
def test_the_papers_run_can_be_rehearsed(workflow):
    code, said, found = rehearsed(workflow, "config/paper.yaml", "--config", "each=2")
    assert code == 0, said[-3000:]
    assert "Nothing was found." in found
    for stage in ("train_bradley_terry", "train_genrm_verdicts", "train_policy_grpo", "write_report"):
        assert f"| {stage} " in found


STUDENT = {"kind": "pretrained", "model": "Qwen/Qwen2.5-0.5B-Instruct"}
OF_FEW_POLICIES = {
    "data": {"preferences": ["pairs.jsonl"]},
    "bases": {"student": STUDENT},
    "judges": {"length": {"kind": "length"}},
    "tables": {
        "alignment": {"rows": ["length"]},
        "win_rates": {"rows": ["base", "sft"], "reference": "sft", "judges": ["length"]},
    },
}
GENRM = {"kind": "generative", "train": "none", "base": "student"}
SFT = {"train": "sft", "base": "student", "training": {"max_steps": 10, "learning_rate": 1e-5}}


def planted(workflow, *words, student=STUDENT, changes=None, **policies):
    """Rehearse a run of few policies, on a file of pairs that is not there."""
    kept = ("run", "seeds", "judging", "writing", "sampling", "training")
    raw = {key: SMOKE[key] for key in kept} | json.loads(json.dumps(OF_FEW_POLICIES))
    raw["bases"]["student"] = student
    raw["policies"] = {"base": {"train": "none", "base": "student"}, "sft": SFT} | policies
    raw["tables"]["win_rates"]["rows"] += policies
    for key, value in (changes or {}).items():
        raw[key] = raw.get(key, {}) | value
    (workflow.folder / "planted.yaml").write_text(yaml.safe_dump(raw))
    return rehearsed(workflow, "planted.yaml", *words)


@pytest.mark.slow
def test_a_tokenizer_without_a_chat_template_is_found(workflow, model_folder):
    bare = shutil.copytree(model_folder, workflow.folder / "bare")
    (bare / "chat_template.jinja").unlink()
    code, _, page = planted(workflow, student={"kind": "pretrained", "model": "bare"})
    assert code == 1
    (line,) = (line for line in page.splitlines() if message("a tokenizer without") in line)
    assert line.startswith("- prepare_base failed (results/smoke-rehearsal/logs/bases/student.log): ")


@pytest.mark.slow
def test_a_reward_that_is_constant_is_found(workflow):
    grpo = {"per_device_train_batch_size": 8, "num_generations": 4, "max_completion_length": 16}
    by_rules = {
        "train": "grpo",
        "from": "sft",
        "constraints": {"mode": "verifier_only"},
        "training": {**grpo, "max_steps": 20, "beta": 0.0},
    }
    code, _, page = planted(workflow, rules=by_rules)
    assert code == 1
    (line,) = (line for line in page.splitlines() if message("a reward that is constant") in line)
    assert line.startswith("- policies/rules/seed1: in all 2 logged steps ")


@pytest.mark.slow
@pytest.mark.skipif(
    "RLCS_VLLM" not in os.environ, reason="vLLM has an environment of its own: make test-vllm"
)
def test_judges_answer_through_vllm_in_a_rehearsal(workflow):
    threads = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}
    code, said, page = planted(
        workflow,
        "--config",
        "vllm=1",
        changes={
            "judging": {"engine": "vllm", "vllm": {"max_model_len": 2048, "tensor_parallel_size": 8}},
            "serving": {"command": [os.environ["RLCS_VLLM"]], "environment": threads, "startup_timeout": 300},
            "judges": {"length": {"kind": "length"}, "genrm": GENRM},
            "tables": OF_FEW_POLICIES["tables"] | {"alignment": {"rows": ["length", "genrm"]}},
        },
    )
    assert code == 0, said[-3000:]
    assert re.search("vLLM of judges and policies +. vLLM with the stand-ins' weights", page)
    log = workflow.folder / "results/smoke-rehearsal/logs/alignment/genrm/seed1.log"
    assert " serve " in log.read_text(encoding="utf-8")

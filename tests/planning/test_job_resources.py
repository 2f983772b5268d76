"""The GPUs of a job: those of its processes and of what vLLM does for it, and no more."""

import copy
import json
import re
import shutil
import sys
from types import SimpleNamespace

import pytest
import yaml
from trl import GRPOConfig

import check_config
from paths import ROOT
from rlcs.config import parsing
from rlcs.planning import job_resources, slurm_site
from rlcs.planning.job_resources import answering_gpus, asked_gpus, served_gpus, training_gpus
from rlcs.training.options import build_options
from rlcs.training.rollouts import awaits_server
from smoke_run import SMOKE


@pytest.fixture
def paper(monkeypatch):
    monkeypatch.chdir(ROOT)  # launch files are named from there
    return parsing.parse(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("policy", "processes", "served"),
    [
        ("sft", 8, {}),
        ("rlcs", 4, {"judge genrm-7b": 1}),
        ("rlcs-bt", 4, {}),  # a reward model is in the process
        ("writing-only", 8, {}),
        ("verifier-only", 8, {}),
        ("rlcs-rlmr", 4, {"judge genrm-7b": 1}),
    ],
)
def test_only_a_served_judge_has_gpus_of_its_own(paper, policy, processes, served):
    assert served_gpus(paper, "policies", policy) == served
    assert training_gpus(paper, "policies", policy) == processes + sum(served.values())


def test_no_training_of_the_papers_run_needs_more_than_a_node_of_eight(paper):
    asked = asked_gpus(paper)
    assert len(asked) > 30
    assert asked["policies.rlcs"] == (5, "4 of the training + 1 of judge genrm-7b")
    assert max(gpus for gpus, _ in asked.values()) == 8


def test_a_judge_answers_on_the_gpus_that_vllm_spreads_it_over(paper):
    def gpus(**judging):
        run = paper.model_copy(update={"judging": paper.judging.model_copy(update=judging)})
        return [answering_gpus(run, judge) for judge in ("gpt", "genrm-7b", "genrm-7b-votes", "bt-7b")]

    assert gpus() == [0, 1, 1, 1]
    spread = {"tensor_parallel_size": 4, "pipeline_parallel_size": 2}
    assert gpus(vllm=spread) == [0, 8, 8, 1]
    assert gpus(vllm=spread, engine="transformers") == [0, 1, 1, 1]


SERVER = {"use_vllm": True, "vllm_mode": "server"}


@pytest.mark.parametrize(
    ("options", "gpus"),
    [
        (SERVER, 2),
        (SERVER | {"vllm_server_base_url": "http://there"}, 0),
        (SERVER | {"vllm_server_port": 9000}, 0),
        ({"use_vllm": True}, 0),
        ({"use_vllm": True, "vllm_mode": "colocate"}, 0),
        ({"vllm_mode": "server"}, 0),
    ],
)
def test_rollouts_have_gpus_where_the_job_starts_their_server(options, gpus, tmp_path):
    raw = copy.deepcopy(SMOKE) | {"serving": {"rollouts": {"gpus": 2}}}
    raw["policies"]["rlcs"]["training"] = options
    config = parsing.parse(raw)
    assert training_gpus(config, "policies", "rlcs") == 1 + gpus
    made = build_options(GRPOConfig, {"use_cpu": True}, options, seed=0, output_dir=str(tmp_path))
    assert awaits_server(made) == (gpus > 0)


@pytest.mark.parametrize(
    ("rule", "wildcards", "gpus"),
    [
        ("judge_train_pairs", {"teacher": "gemini"}, 0),
        ("judge_train_pairs", {"teacher": "qwen-teacher"}, 1),
        ("judge_matches", {"judge": "gpt"}, 0),
        ("judge_matches", {"judge": "genrm-32b"}, 1),
        ("judge_groups", {"judge": "gpt"}, 1),  # the policy writes there
        ("write_analyses", {"judge": "verdicts-7b"}, 1),
        ("verify_stories", {"policy": "rlmr"}, 1),
        ("sample_stories", {"policy": "rlmr"}, 1),
        ("train_policy_grpo", {"policy": "rlcs"}, 5),
        ("train_policy_grpo", {"policy": "rlcs-bt"}, 4),
        ("train_genrm_grpo", {"judge": "genrm-7b"}, 8),
        ("export_model", {"name": "rlcs"}, 0),
    ],
)
def test_the_gpus_of_a_job(paper, monkeypatch, rule, wildcards, gpus):
    monkeypatch.setattr(job_resources, "RUN", [paper])
    assert job_resources.gpus_of_job(rule, SimpleNamespace(**wildcards)) == gpus


def test_check_prints_the_gpus_of_jobs_and_refuses_what_no_node_has(paper, monkeypatch, tmp_path, capsys):
    site = tmp_path / "site.yaml"
    shutil.copy(ROOT / "slurm" / "config.yaml", tmp_path)
    keys = dict.fromkeys(
        ("account", "gpu_partition", "cpu_partition", "max_hours", "max_gigabytes"), "default"
    )

    def check(gpus):
        site.write_text(yaml.safe_dump(keys | {"gpus_per_node": gpus}), encoding="utf-8")
        raw = (ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")
        file = tmp_path / "config.json"
        file.write_text(json.dumps(yaml.safe_load(raw)), encoding="utf-8")
        arguments = ["--config", str(file), "--site", str(site)]
        monkeypatch.setattr(sys, "argv", ["check_config.py", *arguments])
        monkeypatch.setattr(slurm_site.shutil, "which", lambda _: None)  # no Slurm here
        check_config.main()

    check(8)
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ok       gpus ")]
    (line,) = [line for line in shown if "policies.rlcs-bt" in line]
    assert line.endswith(" 4 GPUs of a node (4 of the training): policies.rlcs-bt")
    with pytest.raises(SystemExit):
        check(7)
    said = capsys.readouterr().out
    assert re.search(r"^error .* policies.sft needs 8 GPUs of a node .*, and gpus_per_node has 7", said, re.M)

"""The plan's hours, money and disk: what is counted, and what is said of too little time or room."""

import copy
from types import SimpleNamespace

import pytest
import yaml

from paths import ROOT
from rlcs.config import parsing
from rlcs.data.matches import matches_of, thinned
from rlcs.evaluation.injections import injection_texts
from rlcs.planning import answer_plan, disk_plan, gpu_memory
from rlcs.planning.answer_plan import AnswerCount, answer_plans, answering_hours, match_count, planned_answers
from rlcs.planning.disk_plan import ModelDisk, disk_lines, disk_of_models, disk_problem, folder_bytes
from rlcs.planning.gpu_plan import Plan
from rlcs.planning.run_plan import RunPlan
from rlcs.planning.stage_configs import compared_pairs
from smoke_run import SMOKE

GB = 10**9
QWEN = gpu_memory.known_shape("Qwen/Qwen2.5-7B-Instruct", None)


@pytest.fixture(scope="module")
def paper():
    return parsing.parse(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))


def of(config):
    """AnswerCount by rule and model."""
    return {(answers.rule, answers.model): answers for answers in planned_answers(config)}


def test_the_answers_of_the_papers_run(paper):
    found = of(paper)
    assert found["judge_train_pairs", "gemini"].number == 2 * (4000 + 8000)  # for the consensus as well
    assert found["judge_test_pairs", "genrm-7b"] == AnswerCount(
        "judge_test_pairs", "judges", "genrm-7b", 2400, 3
    )
    assert found["judge_test_pairs", "genrm-7b-votes"].number == 8 * 2400
    assert found["judge_test_pairs", "zero-shot-7b"].seeds == 1
    assert found["judge_validation_pairs", "bt-7b"].number == 2 * 300
    assert found["judge_matches", "gpt"] == AnswerCount("judge_matches", "judges", "gpt", 41_580, 3)
    assert found["write_analyses", "verdicts-7b"].number == 2 * 4000
    assert found["sample_stories", "rlmr"].number == 300
    assert len(injection_texts(1, 9)) == answer_plan.INJECTION_KINDS


@pytest.mark.parametrize("few", [None, 1, 2, 9])
def test_matches_are_counted_as_they_are_made(few):
    raw = copy.deepcopy(SMOKE)
    raw["tables"]["win_rates"]["matrix_contexts"] = few
    raw["sampling"] |= {"contexts": 3, "samples": 2}
    config = parsing.parse(raw)
    policies = config.tables.win_rates.rows
    stories = {(policy, f"c{n}", sample): "" for policy in policies for n in range(3) for sample in range(2)}
    matches = matches_of(stories, policies)
    if few is not None:
        matches = thinned(matches, compared_pairs(config), few)
    assert match_count(config) == len(matches)


def test_a_number_that_the_data_says_is_not_planned(paper):
    unknown = paper.model_copy(
        update={"data": paper.data.model_copy(update={"subset": type(paper.data.subset)()})}
    )
    assert of(unknown)["judge_test_pairs", "genrm-7b"].number is None
    assert {plan.answers.rule for plan in answer_plans(unknown)}.isdisjoint(
        {"judge_test_pairs", "write_analyses"}
    )


def test_hours_are_those_of_reading_writing_and_of_the_weights():
    parameters = gpu_memory.parameters(QWEN)
    reading = 2 * parameters * 1000 * 500 / (312e12 * 0.4) / 3600
    assert answering_hours(QWEN, 2, 1000, 500, 0, batch=16) == pytest.approx(reading)
    steps = -(-1000 // 16) * 100 * 2 * parameters / 2e12 / 3600
    assert answering_hours(QWEN, 2, 1000, 400, 100, batch=16) == pytest.approx(reading + steps)


def test_an_endpoint_has_a_price_and_a_model_has_hours(paper):
    plans = {(plan.answers.rule, plan.answers.model): plan for plan in answer_plans(paper)}
    gpt, large = plans["judge_matches", "gpt"], plans["judge_matches", "genrm-32b"]
    assert gpt.money == pytest.approx(41_580 * ((512 + 2 * 1024) * 2 + 1024 * 8) / 1e6)
    assert (gpt.gpus, gpt.gpu_hours) == (0, 0)
    assert (large.gpus, large.money) == (1, 0)
    assert large.gpu_hours == large.hours
    assert 10 < large.hours < 40
    assert str(large).startswith("judge_matches genrm-32b: 41,580 answers, at most ")


def test_disk_of_the_papers_run(paper):
    models = {model.key: model for model in disk_of_models(paper)}
    total, adapter = gpu_memory.parameters(QWEN), gpu_memory.lora_parameters(QWEN, 16)
    assert models["bases.qwen-7b"] == ModelDisk("bases.qwen-7b", 2 * total)
    rlcs = models["policies.rlcs"]
    held = gpu_memory.FP32 if getattr(paper.policies["rlcs"], "dtype", "") == "float32" else gpu_memory.BF16
    assert rlcs.published == held * total + 4 * adapter
    assert rlcs.checkpoints == 3 * 12 * adapter
    assert rlcs.seeds == 3
    assert len(models) > 35
    assert disk_lines(list(models.values()))[0].startswith(
        f"{disk_plan.published_total(models.values()) / GB:,.0f} GB"
    )


def test_a_full_training_has_large_checkpoints():
    raw = copy.deepcopy(SMOKE)
    raw["bases"]["qwen"] = {"kind": "pretrained", "model": "Qwen/Qwen2.5-7B-Instruct"}
    raw["policies"]["sft"] = {"train": "sft", "base": "qwen", "training": {"save_total_limit": 1}}
    models = {model.key: model for model in disk_of_models(parsing.parse(raw))}
    assert models["policies.sft"].checkpoints == 2 * 12 * gpu_memory.parameters(QWEN)
    assert disk_of_models(parsing.parse(SMOKE)) == []
    assert disk_lines([]) == []


def test_a_file_system_that_cannot_hold_the_models(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_plan.shutil, "disk_usage", lambda _: SimpleNamespace(free=30 * GB))
    models = [ModelDisk("policies.x", 15 * GB, 100 * GB, seeds=3)]
    results = tmp_path / "results" / "run"
    problem = disk_problem(models, results)
    assert problem.startswith(
        f"disk: the run's models need 45 GB more, and {tmp_path} has 30 GB free: make room"
    )
    made = results / "policies" / "x" / "seed1" / "model.safetensors"
    made.parent.mkdir(parents=True)
    with made.open("wb") as file:
        file.truncate(15 * GB)  # of which the file system holds nothing
    assert folder_bytes(results) == 15 * GB
    assert disk_problem(models, results) is None


def test_what_cannot_end_in_time_is_refused_and_what_may_not_is_told(paper):
    plans = [Plan("policies.rlcs", {}, {}, hours=30.0), Plan("policies.sft", {}, {}, hours=None)]
    run_plan = RunPlan.of(paper, plans)
    assert run_plan.late({}) == ([], [])
    cannot, may_not = run_plan.late({"train_policy_grpo": 29, "train_policy_sft": 1, "judge_matches": 1})
    assert [line.split(" ")[0] for line in cannot] == ["policies.rlcs"]
    assert "at least 30 h, and all attempts together have 29 h" in cannot[0]
    assert [line.split(":")[0] for line in may_not] == ["judge_matches genrm-32b"]


def test_the_total_has_a_price_where_the_site_names_one(paper):
    run_plan = RunPlan.of(
        paper, [Plan("policies.rlcs", {}, {}, gpus=4, hours=10.0), Plan("policies.sft", {}, {})]
    )
    (total,) = [line for line in run_plan.lines(None) if line.startswith("total: ")]
    assert total.startswith(
        "total: trainings at least 120 GPU hours without 1 of unknown length, answers at most "
    )
    assert "endpoints at most 2," in total
    (priced,) = [line for line in run_plan.lines(2.5) if line.startswith("total: ")]
    assert ", at 2.5 each " in priced

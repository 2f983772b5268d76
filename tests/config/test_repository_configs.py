"""Every config of the repository, alone and as it is combined, is accepted by `snakemake check`."""

import json
import sys
from contextlib import nullcontext

import pytest

import check_config
from configs import COMBINATIONS, CONFIG, merged
from rlcs.config import parsing
from rlcs.evaluation.crossed import Sample
from rlcs.evaluation.effects import decide_claim, measure_effect
from rlcs.training import readiness


def test_no_file_is_left_out():
    files = {path.relative_to(CONFIG).as_posix() for path in CONFIG.rglob("*.yaml")}
    launches = {name for name in files if name.startswith("accelerate/")}
    assert files - launches - {"default.yaml"} == {name for names in COMBINATIONS for name in names}


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_every_config_is_accepted_by_check(names, tmp_path, monkeypatch):
    """On any machine: without keys, and without a hub."""
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(readiness.constants, "HF_HUB_OFFLINE", True)
    found = check_config.find(parsing.parse(merged(names)), tmp_path, None)
    assert [finding for finding in found if finding.level == "error"] == []
    assert "training" in {finding.subject for finding in found if finding.level == "ok"}


@pytest.mark.parametrize(("words", "code"), [([], 0), (["--strict"], 1)])
def test_what_this_machine_lacks_is_an_error_if_that_is_asked_for(words, code, tmp_path, monkeypatch, capsys):
    raw = merged(["tiny.yaml"])
    raw["judges"]["far"] = {
        "kind": "generative",
        "backend": "openai",
        "model": "m",
        "api_key_env": "NO_SUCH_KEY",
    }
    raw["tables"]["alignment"]["rows"].append("far")
    file = tmp_path / "config.json"
    file.write_text(json.dumps(raw))
    monkeypatch.setattr(sys, "argv", ["check_config.py", "--config", str(file), *words])
    with pytest.raises(SystemExit) if code else nullcontext():
        check_config.main()
    said = capsys.readouterr().out
    assert said.startswith("error    judges.far" if code else "warning  judges.far")
    assert said.endswith(
        f"run 'tiny': {code} error{'' if code else 's'}, {1 - code} warning{'s' if code else ''}\n"
    )


def test_what_is_not_there_is_named_before_the_first_job(tmp_path):
    raw = merged(["smollm.yaml"])
    raw["data"] |= {"preferences": [str(tmp_path / "no.csv")], "contexts": [str(tmp_path)]}
    raw["bases"]["smollm"] = {"kind": "pretrained", "model": str(tmp_path / "none")}
    assert check_config.problems(parsing.parse(raw)) == [
        f"data.preferences: no such file: {tmp_path / 'no.csv'}",
        f"bases.smollm.model: no such folder: {tmp_path / 'none'}",
    ]


def test_the_file_of_a_teacher_that_nothing_uses_need_not_be_there(tmp_path):
    raw = merged(["tiny.yaml"])
    unused = {"kind": "generative", "backend": "file", "chains": str(tmp_path / "none.jsonl")}
    raw["judges"]["unused"] = unused
    assert check_config.chain_findings(parsing.parse(raw)) == []


@pytest.mark.parametrize("way", [["probe", "lora"], "probe", "lora", "full", None])
def test_however_a_scalar_judge_is_trained_its_memory_is_planned(way):
    raw = merged(["smollm.yaml", "smollm/gpu.yaml"])
    raw["judges"]["bt"]["train"] = way
    if way in ("probe", "full"):
        raw["judges"]["bt"]["lora"] = None
    raw["bases"]["smollm"] = {"kind": "pretrained", "model": "Qwen/Qwen2.5-0.5B-Instruct"}
    plans, unknown = check_config.plans(parsing.parse(raw))
    assert unknown == []
    assert "judges.bt" in {plan.key for plan in plans}


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_a_claim_that_no_violator_is_rewarded_holds_if_none_is(names):
    """A rate of 0 has an exact interval, so the steps that a training logs decide which limit can be kept."""
    config = parsing.parse(merged(names))
    for effect in config.effects:
        if effect.metric == "rewarded_violators" and effect.below is not None:
            (name,) = effect.systems
            training = config.training | config.policies[name].training
            steps = range(training["logging_steps"], training["max_steps"] + 1, training["logging_steps"])
            sample = Sample.of([(0.0, seed, f"step {step}") for seed in config.seeds for step in steps])
            measured = measure_effect(effect, [sample], seed=0)
            assert decide_claim(effect, measured.estimate, measured.seeds) == "holds"


def seeds(value, path=()):
    """Every seed of a config, by its path."""
    if not isinstance(value, dict):
        return {path: value} if path[-1] in ("seed", "seeds") else {}
    return {key: seed for name, part in value.items() for key, seed in seeds(part, (*path, name)).items()}


@pytest.mark.parametrize("names", [names for names in COMBINATIONS if "confirm.yaml" in names], ids="+".join)
def test_a_confirming_run_differs_in_all_seeds_and_in_nothing_else(names):
    tuned = parsing.parse(merged(names[:-1])).model_dump(mode="json")
    confirming = parsing.parse(merged(names)).model_dump(mode="json")
    assert (tuned.pop("run"), confirming.pop("run")) == (names[0].removesuffix(".yaml"), "confirm")
    before, after = seeds(tuned), seeds(confirming)
    assert ("world", "seed") in before
    assert ("bases", "small", "seed") in before
    assert all(after[path] != seed for path, seed in before.items())
    assert not set(before["seeds",]) & set(after["seeds",])
    for registry in ("bases", "judges"):
        for name in confirming[registry].keys() - tuned[registry].keys():
            assert name in ("micro", "teacher-b", "teacher-story")  # of tiny-full.yaml; nothing asks them
            del confirming[registry][name]
    for path, seed in before.items():
        section = confirming
        for key in path[:-1]:
            section = section[key]
        section[path[-1]] = seed
    assert confirming == tuned

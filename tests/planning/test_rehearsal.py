"""The small run that is derived from a config: the same graph, and nothing that costs money or a GPU."""

from pathlib import Path

import pytest
import yaml

from configs import COMBINATIONS, merged
from rlcs.config import parsing
from rlcs.config.training import TrainedConfig
from rlcs.planning.rehearsal import derive, job_kind, rehearsal_launch, replacements, unrehearsed
from rlcs.stages.launch import Launch

SERVER = "http://127.0.0.1:1"
NAMES = [names for names in COMBINATIONS if "confirm.yaml" not in names]


def rehearsed(names, tmp_path, **options):
    config = parsing.parse(merged(names))
    pairs = None if config.synthetic else tmp_path / "pairs.jsonl"
    small = parsing.parse(derive(config, folder=tmp_path, server=SERVER, pairs=pairs, **options))
    return config, small


def trained(config):
    return {
        f"{registry}.{name}": entry
        for registry in ("judges", "policies")
        for name, entry in config.models(registry).items()
        if isinstance(entry, TrainedConfig)
    }


@pytest.mark.parametrize("names", NAMES, ids="+".join)
def test_any_config_becomes_one_that_needs_no_gpu_no_vendor_and_no_time(names, tmp_path):
    config, small = rehearsed(names, tmp_path)
    assert small.run == f"{config.run}-rehearsal"
    assert small.seeds == config.seeds[:1]
    assert small.training["use_cpu"]
    assert (small.judging.engine, small.serving.gpus) == ("transformers", 0)
    assert {base.kind for base in small.bases.values()} <= {"stand_in", "world"}
    for entry in [*small.judges.values(), *small.verifiers.values()]:
        if getattr(entry, "backend", "") == "openai":
            assert entry.base_url.startswith(SERVER)
            assert entry.api_key_env is None
    for entry in trained(small).values():
        assert entry.training["max_steps"] == 2
        assert not entry.training.get("use_vllm")
        assert entry.launch is None or Launch.of_file(entry.launch).processes == 2


@pytest.mark.parametrize("names", NAMES, ids="+".join)
def test_what_is_rehearsed_stays_as_it_is(names, tmp_path):
    config, small = rehearsed(names, tmp_path)
    for registry in ("bases", "judges", "verifiers", "policies", "consensus"):
        assert getattr(small, registry).keys() == getattr(config, registry).keys()
    assert small.judging.template == config.judging.template
    assert small.judging.scores == config.judging.scores
    assert small.tables.alignment.rows == config.tables.alignment.rows
    assert small.tables.win_rates.rows == config.tables.win_rates.rows
    for key, entry in trained(config).items():
        other = trained(small)[key]
        assert type(other) is type(entry)
        assert other.lora == entry.lora
        assert getattr(other, "shaping", None) == getattr(entry, "shaping", None)
        assert (other.launch is None) == (entry.launch is None)


def rows_per_step(entry):
    processes = Launch.of_file(entry.launch).processes if entry.launch else 1
    options = entry.training
    per_device = options.get("per_device_train_batch_size", 8)
    return processes * per_device * options.get("gradient_accumulation_steps", 1)


def test_a_step_has_as_many_rows_on_fewer_processes(tmp_path):
    config, small = rehearsed(["paper.yaml"], tmp_path)
    for key, entry in trained(config).items():
        assert rows_per_step(trained(small)[key]) == rows_per_step(entry), key


def test_rates_are_raised_to_a_limit_and_never_lowered(tmp_path):
    config, small = rehearsed(["paper.yaml"], tmp_path)
    assert config.judges["genrm-7b"].training["learning_rate"] == 1e-5
    assert small.judges["genrm-7b"].training["learning_rate"] == pytest.approx(1e-3)
    assert small.judges["bt-7b"].training["learning_rate"] == pytest.approx(2e-3)  # not 1e-4 by a hundred
    _, tiny = rehearsed(["tiny.yaml"], tmp_path)
    assert tiny.judges["genrm-sft"].training["learning_rate"] == pytest.approx(2e-3)


@pytest.mark.parametrize("names", NAMES, ids="+".join)
def test_one_of_each_kind_has_every_kind_of_the_rows(names, tmp_path):
    config, small = rehearsed(names, tmp_path, each=1)

    def kinds(of):
        return {
            job_kind(config, registry, row)
            for registry, table in (("judges", of.tables.alignment), ("policies", of.tables.win_rates))
            for row in table.rows
        }

    def chains(of):
        from rlcs.config.lineage import lineage

        return {
            job_kind(config, registry, name)
            for registry, table in (("judges", of.tables.alignment), ("policies", of.tables.win_rates))
            for row in table.rows
            for name in lineage(config.models(registry), row)
        }

    assert kinds(config) <= chains(small)
    assert len(small.tables.win_rates.rows) <= len(config.tables.win_rates.rows)
    assert small.tables.win_rates.reference in small.tables.win_rates.rows


@pytest.mark.parametrize(
    ("name", "slurm", "kind", "nodes"),
    [
        ("ddp-8.yaml", False, "MULTI_CPU", 1),
        ("fsdp2-8.yaml", False, "FSDP", 1),
        ("fsdp2-4x8.yaml", False, "FSDP", 1),
        ("fsdp2-4x8.yaml", True, "FSDP", 2),
        ("zero3-8.yaml", False, "FSDP", 1),
    ],
)
def test_a_launch_becomes_two_processes_of_the_same_kind(name, slurm, kind, nodes, tmp_path):
    written = rehearsal_launch(Path("config/accelerate") / name, tmp_path, slurm=slurm)
    launch = yaml.safe_load(written.read_text())
    assert (launch["distributed_type"], launch["num_machines"]) == (kind, nodes)
    assert (launch["num_processes"], launch["use_cpu"]) == (2, True)
    assert not any(key.startswith("deepspeed") for key in launch)


def test_what_stands_in_and_what_is_not_tried_is_listed():
    config = parsing.parse(merged(["paper.yaml"]))
    parts = replacements(config, made_up=True, slurm=False)
    assert "two layers" in parts["base qwen-7b: Qwen/Qwen2.5-7B-Instruct"]
    assert "made-up rows" in parts["data"]
    assert parts["config/accelerate/fsdp2-8.yaml"] == "FSDP2 of 2 processes (gloo)"
    opponents = "policies.gemini-2.5-pro, policies.claude-sonnet-4.5"
    assert f"judges.gemini, judges.claude, judges.gpt, {opponents}" in parts
    assert parts["vLLM of judges and policies"] == parts["vLLM of rollouts"] == "transformers"
    assert sum("vLLM" in part for part in unrehearsed(config)) == 2
    assert not any("DeepSpeed" in part for part in unrehearsed(config))


def test_judges_keep_vllm_if_asked_with_arguments_for_a_small_model(tmp_path):
    run, small = rehearsed(["paper.yaml"], tmp_path, vllm=True)
    assert small.judging.engine == run.judging.engine == "vllm"
    assert small.judging.vllm["max_model_len"] == run.judging.vllm["max_model_len"]
    assert "gpu_memory_utilization" not in small.judging.vllm
    assert small.serving.gpus == 0
    assert (
        "stand-ins" in replacements(run, made_up=True, slurm=False, vllm=True)["vLLM of judges and policies"]
    )
    assert sum("vLLM" in part for part in unrehearsed(run, vllm=True)) == 1  # of rollouts


def test_launches_can_be_counted_apart(tmp_path):
    _, each = rehearsed(["paper.yaml"], tmp_path, each=1)
    _, few = rehearsed(["paper.yaml"], tmp_path, each=2)
    assert len(few.tables.alignment.rows) < len(each.tables.alignment.rows)
    launched = {key: Path(entry.launch).name for key, entry in trained(few).items() if entry.launch}
    assert sorted({name.split("-")[0] for name in launched.values()}) == ["ddp", "fsdp2"]
    assert len(launched) == 2
    assert {key.split(".")[1] for key in launched} <= {*few.tables.alignment.rows, *few.tables.win_rates.rows}


def test_judges_without_training_sample_so_that_a_filter_keeps_something(tmp_path):
    config, small = rehearsed(["paper.yaml"], tmp_path)
    assert config.judges["qwen-teacher"].temperature == 0
    assert small.judges["qwen-teacher"].temperature == 1


def test_a_rate_that_no_entry_states_is_raised_too(tmp_path):
    _, small = rehearsed(["smoke.yaml"], tmp_path)
    assert small.training["learning_rate"] == 1e-3


@pytest.mark.parametrize("answer", ["letter", r"best: (?P<winner>\w)"])
def test_judges_from_elsewhere_are_rehearsed_in_the_form_that_stand_ins_write(answer, tmp_path):
    raw = merged(["tiny.yaml"])
    raw["bases"]["ready"] = {"kind": "reward_model", "model": "some/reward-model"}
    raw["judges"]["ready"] = {"kind": "scalar", "train": "none", "base": "ready"}
    raw["judges"]["guest"] = {
        "kind": "generative",
        "train": "none",
        "base": next(name for name in raw["bases"] if name != "ready"),
        "answer": answer,
        "template": "$story_1 $story_2",
    }
    raw["tables"]["alignment"]["rows"] += ["ready", "guest"]
    config = parsing.parse(raw)
    small = parsing.parse(derive(config, folder=tmp_path, server=SERVER))
    guest = small.judges["guest"]
    assert (guest.answer, guest.template, guest.scores, guest.max_unread_share) == ("scores", None, None, 1)
    assert small.bases["ready"].of.kind == "reward_model"
    assert small.judges["ready"] == config.judges["ready"]
    assert "answers in other forms" in replacements(config, made_up=False, slurm=False)


def test_benchmarks_are_small_and_made_up_where_they_are_not_at_hand(tmp_path):
    config = parsing.parse(
        merged(["paper.yaml"]) | {"benchmarks": {"a": {"preset": "story_rmb", "preferences": ["a.json"]}}}
    )
    derived = derive(config, folder=tmp_path, server=SERVER, benchmarks={"a": tmp_path / "made.jsonl"})
    entry = parsing.parse(derived).benchmarks["a"]
    assert entry.preferences == [tmp_path / "made.jsonl"]
    assert (entry.most_pairs, entry.story_length.too_long) == (16, "truncate")
    assert (entry.format, entry.measured) == ("best_of", "best_of")
    kept = parsing.parse(derive(config, folder=tmp_path, server=SERVER)).benchmarks["a"]
    assert [str(path) for path in kept.preferences] == ["a.json"]
    assert "benchmarks" in replacements(config, made_up=True, slurm=False)


def test_one_of_each_kind_of_judge_reads_the_benchmarks(tmp_path):
    raw = merged(["paper.yaml"])
    raw["tables"]["benchmarks"] = {"rows": ["bt-7b", "bt-14b", "genrm-7b"]}
    derived = derive(parsing.parse(raw), folder=tmp_path, server=SERVER, each=1)
    assert parsing.parse(derived).benchmark_judges == ["bt-7b", "genrm-7b"]

"""The plan of memory: which stages, on what they depend, and what is said where one does not fit."""

import copy
from types import SimpleNamespace

import pytest
import yaml

import check_config
from paths import ROOT
from rlcs.config import parsing
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.training import TrainedConfig
from rlcs.planning import gpu_memory
from rlcs.planning.gpu_plan import (
    PROMPT_TOKENS,
    Plan,
    answering_plan,
    frozen_models,
    gpu_models,
    shape_of,
    shards_weights,
    training_plan,
)

GB = 10**9
ACCELERATE = ROOT / "config" / "accelerate"
RAW = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
RAW["bases"]["qwen"] = {"kind": "pretrained", "model": "Qwen/Qwen2.5-7B-Instruct"}
RAW["judges"]["large"] = {"kind": "generative", "train": "none", "base": "qwen"}
RAW["policies"]["start"] = {"train": "sft", "base": "qwen"}
RAW["policies"]["large"] = {
    "train": "grpo",
    "from": "start",
    "reward": {"judge": "large"},
    "lora": {"r": 16},
    "launch": "config/accelerate/fsdp2-8.yaml",
}
PARAMETERS = 7.62
QWEN = gpu_memory.known_shape("Qwen/Qwen2.5-7B-Instruct", None)


def planned(change=lambda raw: None):
    raw = copy.deepcopy(RAW)
    change(raw)
    return {model.key: model for model in gpu_models(parsing.parse(raw))}


def changed(policy, **values):
    """A change of a policy's entry."""
    return lambda raw: raw["policies"][policy].update(values)


def options(**given):
    return SimpleNamespace(
        **{
            "per_device_train_batch_size": 4,
            "gradient_accumulation_steps": 2,
            "steps_per_generation": 2,
            "num_iterations": 1,
            "max_completion_length": 1000,
            "max_length": 2000,
            "max_steps": 0,
            "activation_checkpointing": True,
            "use_vllm": False,
            "beta": 0.0,
        }
        | given
    )


def train(model, **given):
    return training_plan(model, model.entry, options(**given))


def test_stages_with_a_brought_model_are_planned():
    made, unknown = check_config.plans(parsing.parse(RAW | {"training": {}}))
    assert unknown == []
    assert {plan.key for plan in made} == {
        "policies.start",
        "policies.large",
        "large judges",
        "start writes",
        "large writes",
    }


def test_a_served_judge_is_not_in_the_trainings_process():
    def served(raw):
        raw["judging"]["engine"] = "vllm"
        raw["serving"] = {"gpus": 1}

    assert len(frozen_models(planned()["policies.large"])) == 1
    assert frozen_models(planned(served)["policies.large"]) == []


def test_a_verifier_is_in_the_trainings_process():
    def verified(raw):
        raw["verifiers"] = {"reader": {"backend": "transformers", "base": "qwen"}}
        raw["policies"]["large"]["constraints"] = {"mode": "penalty", "verifier": "reader"}

    assert len(frozen_models(planned(verified)["policies.large"])) == 2


@pytest.mark.parametrize(
    ("change", "bytes_of_a_parameter"),
    [({}, 16), ({"launch": "ddp-8"}, 16), ({"launch": "fsdp2-8"}, 2), ({"launch": "zero3-4x8"}, 0.5)],
)
def test_full_training_by_its_launch(change, bytes_of_a_parameter):
    launch = {name: str(ACCELERATE / f"{value}.yaml") for name, value in change.items()}
    parts = train(planned(changed("start", **launch))["policies.start"]).parts
    state = parts["weights"] + parts["gradients"] + parts["optimizer"]
    assert state / GB == pytest.approx(PARAMETERS * bytes_of_a_parameter, rel=0.01)


@pytest.mark.parametrize(
    ("name", "shards"), [("ddp-8", False), ("fsdp2-4x8", True), ("zero3-8", True), ("cpu-2", False)]
)
def test_which_launches_shard_the_weights(name, shards):
    assert shards_weights(ACCELERATE / f"{name}.yaml") == shards


def test_grpo_holds_rollouts_judges_and_a_reference():
    model = planned(changed("large", launch=None))["policies.large"]
    shape = shape_of(model.base)
    plan = train(model)
    length = PROMPT_TOKENS + 1000
    assert plan.phases["KV cache of rollouts"] == gpu_memory.kv_cache(shape, 4 * 2 * length)
    assert plan.parts["judges"] == 2 * gpu_memory.parameters(shape)
    assert plan.phases["activations"] == gpu_memory.activations(shape, 4 * length, checkpointing=True)
    assert plan.total == sum(plan.parts.values()) + max(plan.phases.values()) + gpu_memory.OVERHEAD
    assert "reference model" not in train(model, beta=0.1).parts  # the model without its adapter
    full = train(planned(changed("large", launch=None, lora=None))["policies.large"], beta=0.1)
    assert full.parts["reference model"] == 4 * gpu_memory.parameters(shape)


@pytest.mark.parametrize(("dtype", "number_bytes"), [("float32", 4), ("bfloat16", 2)])
def test_published_weights_are_used_as_they_are_published(dtype, number_bytes):
    """Under adapters, by a judge in a training's process, and by whoever answers; a base is bf16."""

    def published(raw):
        raw["policies"]["start"] |= {"dtype": dtype}
        raw["judges"]["scalar"] = {"kind": "scalar", "base": "qwen", "dtype": dtype}
        raw["policies"]["large"] |= {"reward": {"judge": "scalar", "kind": "scalar"}, "launch": None}

    models = planned(published)
    parameters = gpu_memory.parameters(QWEN)
    parts = train(models["policies.large"]).parts
    assert parts["judges"] == number_bytes * parameters
    assert parts["weights"] == number_bytes * parameters + 4 * gpu_memory.lora_parameters(QWEN, 16)
    writing, tokens = answering_plan(models["policies.start"]), PROMPT_TOKENS
    assert writing.parts == {"weights": number_bytes * parameters}
    tokens += models["policies.start"].answer_tokens
    tokens *= models["policies.start"].config.sampling.batch_size
    assert writing.phases == {"KV cache": gpu_memory.kv_cache(QWEN, tokens, number_bytes)}
    assert answering_plan(models["judges.large"]).parts == {"weights": 2 * parameters}


def test_a_vllm_that_is_told_to_use_bfloat16_does():
    def served(raw):
        raw["judging"] |= {"engine": "vllm", "vllm": {"dtype": "bfloat16"}}
        raw["judges"]["sft"] = {"kind": "generative", "train": "sft", "base": "qwen", "analysis": False}

    model = planned(served)["judges.sft"]
    assert answering_plan(model).parts == {"weights": 2 * gpu_memory.parameters(QWEN)}


def test_dpo_reads_pairs_and_holds_a_reference_unless_it_is_computed_beforehand():
    model = planned(lambda raw: raw["policies"].update(dpo={"train": "dpo", "base": "qwen"}))["policies.dpo"]
    shape = shape_of(model.base)
    pairs = {"steps_per_generation": 0, "beta": 0.1}  # no rollouts
    plan = train(model, **pairs)
    assert plan.phases == {"activations": gpu_memory.activations(shape, 2 * 4 * 2000, checkpointing=True)}
    assert plan.parts["reference model"] == 4 * gpu_memory.parameters(shape)
    assert "reference model" not in train(model, **pairs, precompute_ref_log_probs=True).parts


def test_rollouts_of_a_server_are_elsewhere():
    model = planned(changed("large", launch=None))["policies.large"]
    there = train(model, use_vllm=True, vllm_mode="server")
    vllm = {"use_vllm": True, "vllm_mode": "colocate", "vllm_tensor_parallel_size": 2}
    vllm |= {"vllm_gpu_memory_utilization": 0.3}
    awake, asleep = (train(model, **vllm, vllm_enable_sleep_mode=on) for on in (False, True))
    assert {"vLLM", "KV cache of rollouts"}.isdisjoint({*there.parts, *there.phases})
    assert awake.parts["vLLM"] == asleep.phases["vLLM"] == pytest.approx(PARAMETERS * GB, rel=0.02)


def test_a_colocated_vllm_takes_its_share_whatever_it_needs():
    model = planned(changed("large", launch=None, reward={"judge": "oracle"}))["policies.large"]

    def problem(gigabytes, share, *, sleeps=False):
        vllm = {"use_vllm": True, "vllm_mode": "colocate", "vllm_tensor_parallel_size": 1}
        vllm |= {"vllm_gpu_memory_utilization": share, "vllm_enable_sleep_mode": sleeps}
        return train(model, **vllm).problem(gigabytes)

    assert problem(80, 0.3) is None
    assert "vLLM needs 15.3 GB of each GPU, and vllm_gpu_memory_utilization = 0.1 of a GPU of 80" in problem(
        80, 0.1
    )
    assert "vLLM 72.0" in problem(80, 0.9)
    assert problem(80, 0.9).endswith("vllm_gpu_memory_utilization = 0.9 is what vLLM takes, lower it")
    assert problem(200, 0.7) is None
    assert problem(80, 0.55, sleeps=True) is None  # asleep while the policy learns


def test_a_pair_is_two_rows_and_time_is_that_of_known_steps():
    def with_pairs(raw):
        raw["judges"]["pairs"] = {"kind": "scalar", "base": "qwen"}

    one, two = train(planned()["policies.start"]), train(planned(with_pairs)["judges.pairs"], max_steps=100)
    assert two.phases["activations"] == 2 * one.phases["activations"]
    assert one.hours is None
    flops = 8 * gpu_memory.parameters(QWEN) * (4 * 2 * 2 * 2000) * 100
    assert two.hours == pytest.approx(flops / (312e12 * 0.4) / 3600)


def test_what_does_not_fit_is_said_with_its_numbers_and_ways_out():
    plan = train(planned()["policies.start"], activation_checkpointing=False)
    assert plan.problem(1000) is None
    said = plan.problem(40)
    assert said.startswith(f"policies.start: {plan.total / GB:.0f} GB = weights 30.5 + gradients 30.5 + ")
    assert "does not fit into a GPU of 40 GB (gpu_gigabytes): set activation_checkpointing: true; " in said
    assert "train with lora; launch with config/accelerate/fsdp2-8.yaml; take a smaller base" in said


def test_the_largest_phase_counts():
    plan = Plan("x", {"weights": 2.0 * GB, "judges": 0.0}, {"a": 1.0 * GB, "b": 4.0 * GB}, gpus=8)
    assert str(plan) == (
        "x: 9 GB, each of 8 GPUs = weights 2.0 + the largest of (a 1.0 or b 4.0) + 3 beside the model"
    )


def test_a_judge_in_process():
    plan = answering_plan(planned()["judges.large"])
    tokens = 64 * (PROMPT_TOKENS + 2 * 16 + 12)
    assert plan.key == "large judges"
    assert plan.phases == {"KV cache": gpu_memory.kv_cache(QWEN, tokens)}
    assert "lower judging.batch_size = 64" in plan.problem(1)


def test_a_judge_in_vllm():
    def served(raw):
        raw["judging"] |= {"engine": "vllm", "vllm": {"tensor_parallel_size": 2, "max_model_len": 1000}}

    plan = answering_plan(planned(served)["judges.large"])
    assert plan.parts["weights"] == gpu_memory.parameters(QWEN)
    assert "0.9 (gpu_memory_utilization) of a GPU of 11 GB" in plan.problem(11)
    assert "raise judging.vllm.tensor_parallel_size = 2" in plan.problem(11)
    assert plan.problem(13) is None


def test_a_shape_can_be_said():
    said = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    said |= {"intermediate_size": 16, "vocab_size": 100}
    base = {"kind": "pretrained", "model": "nobody/nothing"}
    assert shape_of(PretrainedBaseConfig(**base, shape=said)).width_of_head == 4
    assert shape_of(PretrainedBaseConfig(**base)) is None


def test_a_stage_of_unknown_shape_is_named():
    raw = copy.deepcopy(RAW) | {"training": {}}
    raw["bases"]["qwen"]["model"] = "nobody/nothing"
    made, unknown = check_config.plans(parsing.parse(raw))
    assert made == []
    assert [line.split(":")[0] for line in unknown] == [
        "policies.start",
        "policies.large",
        "large judges",
        "start writes",
        "large writes",
    ]
    assert all(line.endswith("not planned; name it under bases, as shape: {...}") for line in unknown)


def test_every_stage_of_the_papers_run_is_planned():
    paper = parsing.parse(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))
    made, unknown = check_config.plans(paper)
    assert unknown == []
    trained = {
        f"{registry}.{name}"
        for registry in ("judges", "policies")
        for name, entry in paper.models(registry).items()
        if isinstance(entry, TrainedConfig)
    }
    assert len(trained) > 10
    assert {plan.key for plan in made} >= trained


def test_every_stage_of_the_papers_run_fits_into_gpus_of_80_gb(monkeypatch):
    monkeypatch.chdir(ROOT)  # launch files are named from there
    paper = parsing.parse(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))
    made, unknown = check_config.plans(paper)
    assert len(made) > 80
    assert not unknown
    assert [problem for plan in made if (problem := plan.problem(80))] == []

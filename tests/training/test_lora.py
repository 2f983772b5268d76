"""LoRA through TRL's trainers: what is published is an ordinary model; a killed training goes on exactly."""

import json
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from datasets import Dataset
from peft import get_peft_model
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM
from trl import GRPOConfig, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

from rlcs.config.prompts import assistant, user
from rlcs.config.training import AdapterConfig
from rlcs.models.loading import load_causal, load_scalar, load_tokenizer
from rlcs.stages.stage import Stage
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.lora import adapter_config, save_whole
from rlcs.training.options import build_options
from rlcs.training.run import train

SHARED = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
OWN = {"per_device_train_batch_size": 8, "max_steps": 4, "save_steps": 2, "learning_rate": 5e-2}
PROMPTS = [user(f"Story {n}") for n in range(16)]
LORA = AdapterConfig(r=2, alpha=8)


def even_first_token(completion_ids, **_):
    return [float(ids[0] % 2 == 0) for ids in completion_ids]


def options(kind, scratch, **own):
    return build_options(kind, SHARED, OWN | own, seed=3, output_dir=scratch)


def sft(model, scratch, lora=LORA):
    return SFTTrainer(
        model=load_causal(model),
        args=options(SFTConfig, scratch),
        train_dataset=Dataset.from_list(
            [{"prompt": prompt, "completion": assistant("wolf and rope")} for prompt in PROMPTS]
        ),
        processing_class=load_tokenizer(model),
        peft_config=adapter_config(lora, "CAUSAL_LM"),
    )


def bradley_terry(model, scratch):
    return RewardTrainer(
        model=load_scalar(model, new_head=True),
        args=options(RewardConfig, scratch),
        train_dataset=Dataset.from_list(
            [{"prompt": p, "chosen": assistant("a wolf"), "rejected": assistant("rope")} for p in PROMPTS]
        ),
        processing_class=load_tokenizer(model),
        peft_config=adapter_config(LORA, "SEQ_CLS"),
    )


def grpo(model, scratch, **more):
    return ShapedGRPOTrainer(
        model=load_causal(model),
        reward_funcs=even_first_token,
        args=options(GRPOConfig, scratch, num_generations=4, max_completion_length=4, beta=0.1, **more),
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in PROMPTS]),
        processing_class=load_tokenizer(model),
        peft_config=adapter_config(LORA, "CAUSAL_LM"),
    )


@pytest.mark.parametrize("use_vllm", [True, False])
def test_the_base_is_kept_if_vllm_writes_the_rollouts(use_vllm, model_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("trl.trainer.grpo_trainer.VLLMGeneration", Mock())
    kept = []
    monkeypatch.setattr("rlcs.training.grpo.keep_base", kept.append)
    trainer = grpo(model_folder, str(tmp_path), use_vllm=use_vllm)
    assert kept == [trainer.model] * use_vllm


def test_no_lora_is_no_adapter():
    assert adapter_config(None, "CAUSAL_LM") is None


def test_the_entry_becomes_pefts_config():
    found = adapter_config(AdapterConfig(r=4, alpha=8, dropout=0.1, target_modules=["q_proj"]), "SEQ_CLS")
    assert (found.r, found.lora_alpha, found.lora_dropout, found.task_type) == (4, 8, 0.1, "SEQ_CLS")
    assert found.target_modules == {"q_proj"}


def test_lower_layers_can_be_left_without_adapters():
    size = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "vocab_size": 10}
    plain = LlamaForCausalLM(LlamaConfig(num_hidden_layers=3, **size))
    model = get_peft_model(
        plain, adapter_config(AdapterConfig(exclude_modules=r".*\.layers\.[01]\..*"), "CAUSAL_LM")
    )
    learning = [name for name, weights in model.named_parameters() if weights.requires_grad]
    assert learning
    assert all(".layers.2." in name for name in learning)
    states = model(torch.tensor([[1, 2]]), output_hidden_states=True).hidden_states
    assert [state.requires_grad for state in states] == [False, False, False, True]  # no backward pass below


def test_an_expression_that_is_none_is_refused():
    with pytest.raises(ValidationError, match=r"'\(' is not a regular expression: missing \)"):
        AdapterConfig(exclude_modules="(")


@pytest.fixture
def published(model_folder, tmp_path):
    """Trains and publishes as a stage does; returns the artifact's folder."""

    def run(make, place="here"):
        output = tmp_path / place / "artifact" / "manifest.json"
        stage = Stage(make.__name__, Path(__file__), {}, {}, output, 3, {})
        train(stage, lambda scratch: make(model_folder, scratch))
        return output.parent

    return run


@pytest.mark.slow
@pytest.mark.parametrize("make", [sft, bradley_terry, grpo])
def test_a_published_model_is_merged(make, published, model_folder):
    folder = published(make)
    before = load_file(model_folder / "model.safetensors")
    after = load_file(folder / "model" / "model.safetensors")
    assert before.keys() <= after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.endswith("proj.weight") for name in changed)
    (load_scalar if make is bradley_terry else load_causal)(folder / "model")
    load_tokenizer(folder / "model")


@pytest.mark.parametrize("make", [sft, bradley_terry, grpo])
def test_saving_draws_nothing_from_the_trainings_generator(make, model_folder, tmp_path):
    """Or a training whose best weights are kept would end elsewhere than one that nobody watches."""
    trainer = make(model_folder, str(tmp_path / "scratch"))
    before = torch.get_rng_state()
    save_whole(trainer, tmp_path / "model", tmp_path / "adapter")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_a_merged_model_says_what_the_adapted_one_said(model_folder, tmp_path):
    trainer = sft(model_folder, str(tmp_path / "scratch"))
    trainer.train()
    trainer.model.eval()
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        said = trainer.model(input_ids=ids).logits
        merged = trainer.model.merge_and_unload()(input_ids=ids).logits
        base = load_causal(model_folder)(input_ids=ids).logits
    torch.testing.assert_close(merged, said, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(said, base, atol=1e-2)


@pytest.mark.slow
def test_the_adapter_lies_beside_it_and_names_no_place(published):
    here, there = published(sft), published(sft, "there")
    files = {path.name for path in (here / "adapter").iterdir()}
    assert files == {"adapter_config.json", "adapter_model.safetensors"}
    for name in files:
        assert (here / "adapter" / name).read_bytes() == (there / "adapter" / name).read_bytes()
    assert json.loads((here / "adapter" / "adapter_config.json").read_text())["r"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("make", [sft, bradley_terry, grpo])
def test_a_resumed_training_ends_with_the_same_weights(make, model_folder, tmp_path):
    results = []
    for checkpoint in (None, str(tmp_path / "checkpoint-2")):
        torch.manual_seed(3)  # a reward model's new head is drawn before its trainer seeds anything
        trainer = make(model_folder, str(tmp_path))
        trainer.train(resume_from_checkpoint=checkpoint)
        results.append({name: value.clone() for name, value in trainer.model.state_dict().items()})
    whole, resumed = results
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert any("lora_B" in name and value.any() for name, value in whole.items())


@pytest.mark.slow
def test_grpos_reference_is_the_model_without_its_adapter(model_folder, tmp_path):
    trainer = grpo(model_folder, str(tmp_path))
    trainer.train()
    assert trainer.ref_model is None
    kl = [entry["kl"] for entry in trainer.state.log_history if "kl" in entry]
    assert kl[0] == pytest.approx(0, abs=1e-6)
    assert kl[-1] > 0

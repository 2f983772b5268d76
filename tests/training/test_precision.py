"""Weights are trained in float32, and what is published is what was trained: bases of bfloat16 files."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset
from peft import get_peft_model
from safetensors.torch import load_file
from trl import RewardConfig, RewardTrainer
from trl.distributed import DistributedBackend
from trl.generation.vllm_generation import VLLMGeneration

from rlcs.config.prompts import assistant, user
from rlcs.config.trained_judges import ScalarJudgeConfig
from rlcs.config.training import AdapterConfig
from rlcs.data.lost_update import LostUpdate
from rlcs.judging.loading import load_judge
from rlcs.models.loading import load_causal, load_scalar, load_tokenizer
from rlcs.stages.stage import Stage
from rlcs.training.bradley_terry import RewardTraining
from rlcs.training.dpo import train_dpo
from rlcs.training.lora import adapter_config, keep_base, save_whole
from rlcs.training.options import build_options
from rlcs.training.precision import hold_in_float32, loaded_dtype, lost_update, rounded
from rlcs.training.sft import train_sft

SHARED = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
TINY = {"max_steps": 2, "per_device_train_batch_size": 4, "learning_rate": 1e-6}
LORA = AdapterConfig(r=4, alpha=8)
WORDS = ("wolf", "mill", "rope", "ring")


def examples(*answers):
    said = {name: assistant(text) for name, text in answers}
    return [{"prompt": user(f"Mara lost the {WORDS[i % 4]} {i}"), **said} for i in range(8)]


PAIRS = examples(("chosen", "a wolf met Mara"), ("rejected", "rope"))


@pytest.fixture(scope="module")
def base(model_folder, tmp_path_factory):
    """As Qwen2.5 comes: bfloat16 files, and a config without a pad token."""
    folder = tmp_path_factory.mktemp("bfloat16") / "model"
    model = load_causal(model_folder).bfloat16()
    model.config.pad_token_id = model.generation_config.pad_token_id = None
    model.save_pretrained(folder)
    load_tokenizer(model_folder).save_pretrained(folder)
    assert load_causal(folder).dtype == torch.bfloat16
    assert json.loads((folder / "config.json").read_text())["pad_token_id"] is None
    return folder


def stage_in(folder):
    return Stage("s", Path(__file__), {"training": SHARED}, {}, folder / "out" / "manifest.json", 3, {})


def train_reward_model(stage, base, training, lora, pairs, dtype="float32"):
    entry = ScalarJudgeConfig(kind="scalar", base="b", training=training, lora=lora, dtype=dtype)
    RewardTraining(stage, entry, base, pairs, [str(n) for n in range(len(pairs))]).publish()


TRAININGS = {
    train_sft: examples(("completion", "a wolf met Mara")),
    train_dpo: PAIRS,
    train_reward_model: PAIRS,
}


@pytest.mark.slow
@pytest.mark.parametrize("train", TRAININGS)
def test_a_full_training_moves_weights_by_steps_below_bfloat16s(train, base, tmp_path):
    """In bfloat16 a step of 1e-6 moves none of them."""
    train(stage_in(tmp_path), base, TINY, None, TRAININGS[train])
    start, published = load_file(base / "model.safetensors"), tmp_path / "out" / "model"
    after = load_file(published / "model.safetensors")
    layers = [name for name in start if name.endswith("proj.weight")]  # an embedding without text stays
    moved = torch.cat([(after[name] != start[name].float()).flatten() for name in layers])
    assert {weights.dtype for weights in after.values()} == {torch.float32}
    assert json.loads((published / "config.json").read_text())["dtype"] == "float32"
    assert moved.float().mean() > 0.5
    lost = LostUpdate.read(published.parent)
    assert (lost.share, lost.dtype) == (0, "float32")
    assert lost.share_in_bfloat16 > 0.9


@pytest.mark.parametrize(
    ("lora", "bf16", "expected"),
    [(None, True, "float32"), (None, False, "float32"), (LORA, True, "auto"), (LORA, False, "float32")],
)
def test_only_frozen_weights_under_autocast_may_stay_in_the_files_precision(lora, bf16, expected):
    assert loaded_dtype(SimpleNamespace(bf16=bf16), lora) == expected


def test_a_new_head_beside_adapters_is_trained_in_float32(base, tmp_path):
    trainer = RewardTrainer(
        model=load_scalar(base, new_head=True),
        args=build_options(RewardConfig, SHARED, TINY, seed=1, output_dir=str(tmp_path)),
        train_dataset=Dataset.from_list(PAIRS),
        processing_class=load_tokenizer(base),
        peft_config=adapter_config(LORA, "SEQ_CLS"),
    )
    hold_in_float32(trainer.model)
    trained = {name: p.dtype for name, p in trainer.model.named_parameters() if p.requires_grad}
    assert any("score" in name for name in trained)
    assert set(trained.values()) == {torch.float32}
    assert torch.bfloat16 in {p.dtype for p in trainer.model.parameters() if not p.requires_grad}


def adapted(base, scale=1e-4):
    """A model with an adapter whose update is far below the precision of its base."""
    model = get_peft_model(load_causal(base), adapter_config(LORA, "CAUSAL_LM"))
    generator = torch.Generator().manual_seed(1)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            weights.data = torch.randn(weights.shape, generator=generator) * scale
    return model


def trainer_of(model, base):
    """As much of a trainer as publishing needs."""
    accelerator = SimpleNamespace(unwrap_model=lambda model: model)
    return SimpleNamespace(
        model=model,
        accelerator=accelerator,
        is_fsdp_enabled=False,
        is_deepspeed_enabled=False,
        processing_class=load_tokenizer(base),
    )


IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


@torch.no_grad()
def logits(model):
    return model.float().eval()(input_ids=IDS).logits


def test_a_published_adapter_says_what_it_said_in_training(base, tmp_path, caplog):
    model = adapted(base)
    with caplog.at_level("INFO", "rlcs"):
        save_whole(trainer_of(model, base), tmp_path / "model", tmp_path / "adapter")
    published = load_causal(tmp_path / "model")
    assert published.dtype == torch.float32
    said, before = logits(model), logits(load_causal(base))
    torch.testing.assert_close(logits(published), said, rtol=0, atol=(said - before).abs().max().item() / 100)
    lost = LostUpdate.read(tmp_path)
    assert (lost.dtype, lost.share, lost.is_flagged) == ("float32", 0, False)
    assert "published in float32, weights lose 0.0% of the training's update (bfloat16 would" in caplog.text


@pytest.mark.parametrize("lora", [True, False])
def test_what_bfloat16_loses_is_told(lora, base, tmp_path, caplog):
    model = adapted(base)
    if not lora:
        model = model.float().merge_and_unload()
    with caplog.at_level("WARNING", "rlcs"):
        save_whole(trainer_of(model, base), tmp_path / "model", tmp_path / "adapter", "bfloat16")
    published = load_causal(tmp_path / "model")
    assert published.dtype == torch.bfloat16
    lost = LostUpdate.read(tmp_path)
    assert lost.dtype == "bfloat16"
    assert 0.8 < lost.share == lost.share_in_bfloat16
    assert lost.is_flagged
    assert str(lost) in caplog.text
    if not lora:
        assert model.dtype == torch.float32  # the training goes on


def test_the_share_is_of_norms_and_a_new_head_does_not_count(base):
    start = load_file(base / "model.safetensors")
    name = next(name for name, weights in start.items() if weights.dim() == 2)
    trained = {key: weights.float() for key, weights in start.items()} | {"score.weight": torch.rand(1, 3)}
    assert lost_update(base, trained, "bfloat16") == LostUpdate("bfloat16", None, None)
    assert "changed no weight" in str(lost_update(base, trained, "bfloat16"))
    place = start[name].abs().argmax()
    trained[name] = trained[name].clone()
    trained[name].view(-1)[place] *= 2  # a step that bfloat16 has
    assert lost_update(base, trained, "bfloat16").share == 0
    trained[name].view(-1)[place] *= 1 + 2**-9  # and half a unit beyond it
    kept, whole = trained[name].view(-1)[place].bfloat16(), trained[name].view(-1)[place]
    expected = ((kept.float() - whole) / (whole - start[name].view(-1)[place])).abs().item()
    assert lost_update(base, trained, "bfloat16").share == pytest.approx(expected)


def test_tied_weights_stay_tied_when_they_are_rounded():
    weights = torch.rand(3, 4)
    state = rounded({"a": weights, "b": weights, "c": weights.clone(), "n": torch.tensor([1])}, "bfloat16")
    assert state["a"] is state["b"] is not state["c"]
    assert [state[name].dtype for name in "acn"] == [torch.bfloat16, torch.bfloat16, torch.int64]


NOT_SHARDED = SimpleNamespace(deepspeed_plugin=None)


def checksum(model):
    return {
        name: weights.detach().double().sum().item()
        for name, weights in model.named_parameters()
        if "base_layer" in name
    }


@pytest.mark.parametrize("kept", [True, False])
def test_merging_for_vllm_leaves_the_base_as_it_was(kept, base):
    """TRL's own walk over the weights that it sends; without our hook the base drifts."""
    model = adapted(base, scale=1e-2)
    before = checksum(model)
    if kept:
        keep_base(model)
    generator = torch.Generator().manual_seed(2)
    sync = VLLMGeneration.__new__(VLLMGeneration)
    sync.model, sync._dist = model, DistributedBackend(SimpleNamespace(state=NOT_SHARDED))
    sent = []
    for _ in range(50):
        for name, weights in model.named_parameters():
            if "lora_" in name:
                weights.data += torch.randn(weights.shape, generator=generator).to(weights.dtype) * 1e-3
        sent.append({name: values.double().sum().item() for name, values in sync._iter_named_params()})
    assert (checksum(model) == before) == kept
    assert all(not any("lora" in name for name in sums) for sums in sent)
    assert len({tuple(sums.values()) for sums in sent}) == len(sent)  # what is sent has the adapter in it


@pytest.mark.slow
@pytest.mark.parametrize("way", ["probe", "lora", "full"])
def test_a_reward_model_on_a_base_without_a_pad_token_judges_a_batch(way, base, comparisons, tmp_path):
    entry = {"kind": "scalar", "base": "b", "train": way, "training": TINY | {"learning_rate": 1e-2}}
    judge = ScalarJudgeConfig.model_validate(entry)
    RewardTraining(stage_in(tmp_path), judge, base, PAIRS, [str(n) for n in range(8)]).publish()
    section = {"name": "bt", "judge": entry, "writing": {"template": "$outline"}}
    batched, single = (
        load_judge({**section, "batch_size": size}, tmp_path / "out").judge(comparisons) for size in (4, 1)
    )
    assert [j.score_a for j in batched] == pytest.approx([j.score_a for j in single], abs=1e-4)
    if way != "probe":
        config = json.loads((tmp_path / "out" / "model" / "config.json").read_text())
        assert config["pad_token_id"] == load_tokenizer(base).pad_token_id


def test_a_published_reward_model_without_a_pad_token_is_read_all_the_same(base, tmp_path):
    """As runs before published it."""
    model = load_scalar(base, new_head=True)
    model.config.pad_token_id = None
    model.save_pretrained(tmp_path)
    load_tokenizer(base).save_pretrained(tmp_path)
    assert load_scalar(tmp_path).config.pad_token_id == load_tokenizer(base).pad_token_id

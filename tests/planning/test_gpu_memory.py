"""The plan's formulas, against what is known of models and worked out by hand."""

import json

import pytest

from rlcs.config.bases import ShapeConfig
from rlcs.planning import gpu_memory
from rlcs.planning.gpu_memory import known_shape, known_shapes, of_config

GB = 10**9
TINY = ShapeConfig(
    hidden_size=4,
    num_hidden_layers=3,
    num_attention_heads=2,
    num_key_value_heads=1,
    intermediate_size=8,
    vocab_size=10,
)


def shape(model):
    return known_shapes()[model]


@pytest.mark.parametrize(
    ("model", "billions"),  # as their pages on the hub state them
    [
        ("Qwen/Qwen2.5-0.5B", 0.494),
        ("Qwen/Qwen2.5-1.5B", 1.54),
        ("Qwen/Qwen2.5-3B", 3.09),
        ("Qwen/Qwen2.5-7B", 7.62),
        ("Qwen/Qwen2.5-14B", 14.8),
        ("Qwen/Qwen2.5-32B", 32.8),
        ("Qwen/Qwen2.5-72B", 72.7),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1.78),
        ("meta-llama/Llama-3.1-8B", 8.03),
        ("meta-llama/Llama-3.1-70B", 70.6),
    ],
)
def test_parameters_of_known_models(model, billions):
    assert gpu_memory.parameters(shape(model)) / GB == pytest.approx(billions, rel=0.01)


def test_parameters_by_hand():
    layer = 4 * 4 + 2 * 4 * 2 + 4 * 4 + 3 * 4 * 8 + 2 * 4
    assert gpu_memory.layer_parameters(TINY) == layer
    assert gpu_memory.parameters(TINY) == 2 * 10 * 4 + 3 * layer + 4
    tied = TINY.model_copy(update={"tie_word_embeddings": True})
    assert gpu_memory.parameters(TINY) - gpu_memory.parameters(tied) == 10 * 4


def test_lora_of_a_7b_model():
    # r = 16 on all linear layers: peft's print_trainable_parameters says 40,370,176
    assert gpu_memory.lora_parameters(shape("Qwen/Qwen2.5-7B"), 16) == 40_370_176


@pytest.mark.parametrize(
    ("trained", "shards", "expected"),
    [
        (1000, 1, {"weights": 4000, "gradients": 4000, "optimizer": 8000}),
        (1000, 8, {"weights": 500, "gradients": 500, "optimizer": 1000}),
        (10, 1, {"weights": 2040, "gradients": 40, "optimizer": 80}),
        (10, 8, {"weights": 255, "gradients": 5, "optimizer": 10}),
    ],
)
def test_training_state(trained, shards, expected):
    assert gpu_memory.training_state(1000, trained, shards) == expected


def test_activations():
    layer = 2 * (4 * 4 + 2 * 4 + 2 * 2 + 4 * 8)
    assert gpu_memory.layer_activations(TINY) == layer
    assert gpu_memory.activations(TINY, 5, checkpointing=False) == 5 * 3 * layer
    assert gpu_memory.activations(TINY, 5, checkpointing=True) == 5 * (3 * 2 * 4 + layer)


def test_kv_cache_of_a_7b_model_is_56_kib_a_token():
    assert gpu_memory.kv_cache(shape("Qwen/Qwen2.5-7B"), 1) == 56 * 1024


def test_a_shape_is_read_from_a_folder_or_known(tmp_path):
    said = {name: value for name, value in TINY.model_dump().items() if value is not None}
    (tmp_path / "config.json").write_text(json.dumps({**said, "model_type": "qwen2"}))
    assert known_shape(str(tmp_path), None) == TINY
    assert known_shape("Qwen/Qwen2.5-7B-Instruct", None) == shape("Qwen/Qwen2.5-7B")
    assert known_shape("nobody/nothing", None) is None
    assert of_config({"model_type": "bert"}) is None
    without = {**said, "num_key_value_heads": None}
    assert of_config(without).num_key_value_heads == TINY.num_attention_heads

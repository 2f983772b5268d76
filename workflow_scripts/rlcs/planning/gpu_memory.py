"""Formulas for the GPU memory (in bytes) and the time that a decoder needs, each with its source.

Decoders are those of Llama and Qwen2: grouped-query attention, a gated MLP, RMS norms, no dropout.
Activations are bf16, attention never holds a whole matrix of scores (flash attention).
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rlcs.config.bases import ShapeConfig, is_path


def of_config(config: Mapping[str, Any]) -> ShapeConfig | None:
    """Read the shape from a config.json; None if it is not that of a decoder of this kind."""
    sizes = {name: config[name] for name in ShapeConfig.model_fields if config.get(name) is not None}
    sizes.setdefault("num_key_value_heads", sizes.get("num_attention_heads"))
    required = (name for name, field in ShapeConfig.model_fields.items() if field.is_required())
    return ShapeConfig.model_validate(sizes) if all(sizes.get(name) for name in required) else None


@cache
def known_shapes() -> dict[str, ShapeConfig]:
    """Shapes of common models, by their id on the hub without -Instruct."""
    table = json.loads(Path(__file__).with_name("model_shapes.json").read_text(encoding="utf-8"))
    names: list[str] = table["names"]
    shapes = {model: dict(zip(names, sizes, strict=True)) for model, sizes in table["models"].items()}
    return {model: ShapeConfig.model_validate(sizes) for model, sizes in shapes.items()}


def known_shape(model: str, revision: str | None) -> ShapeConfig | None:
    """Find the shape of a folder or hub id in its config.json, in the hub's cache or in ``known_shapes``."""
    from huggingface_hub import try_to_load_from_cache

    file: object = Path(model) / "config.json"
    if isinstance(file, Path) and not file.is_file():
        is_id = "/" in model and not is_path(model)
        file = try_to_load_from_cache(model, "config.json", revision=revision) if is_id else None
    if isinstance(file, str | Path):
        return of_config(json.loads(Path(file).read_text(encoding="utf-8")))
    return known_shapes().get(model.removesuffix("-Instruct"))


BF16, FP32 = 2, 4

# Design choice: the CUDA context, workspaces, NCCL's buffers, a chunk's logits (TRL 1.16 never holds all),
# and what fragmentation wastes.
OVERHEAD = 3 * 10**9


def widths(shape: ShapeConfig) -> tuple[int, int, int, int]:
    """h, q, k and i: widths of a token's state, of its queries, of its keys or values, and of the MLP."""
    queries, keys = (
        heads * shape.width_of_head for heads in (shape.num_attention_heads, shape.num_key_value_heads)
    )
    return shape.hidden_size, queries, keys, shape.intermediate_size


def layer_parameters(shape: ShapeConfig) -> int:
    """h(2q + 2k) + 3hi + 2h; biases are left out (< 0.1 %)."""
    h, q, k, i = widths(shape)
    return h * (2 * q + 2 * k) + 3 * h * i + 2 * h


def embedding_parameters(shape: ShapeConfig) -> int:
    """Parameters of the embedding: Vh, twice if the output embedding has weights of its own."""
    return shape.vocab_size * shape.hidden_size * (1 if shape.tie_word_embeddings else 2)


def parameters(shape: ShapeConfig) -> int:
    """All parameters of a model, with its last norm."""
    return embedding_parameters(shape) + shape.num_hidden_layers * layer_parameters(shape) + shape.hidden_size


def lora_parameters(shape: ShapeConfig, rank: int) -> int:
    """r(d_in + d_out) for each of a layer's seven matrices (Hu et al. 2021, arXiv 2106.09685)."""
    h, q, k, i = widths(shape)
    return shape.num_hidden_layers * rank * (2 * (h + q) + 2 * (h + k) + 3 * (h + i))


def training_state(total: int, trained: int, shards: int, *, frozen_bytes: int = BF16) -> dict[str, float]:
    """Weights, gradients and AdamW's two moments, on one GPU.

    Trained weights, their gradients and moments are fp32: 16 bytes a parameter (Rajbhandari et al. 2020,
    arXiv 1910.02054, with fp32 gradients), on one GPU, copied to each, or over all in shards.

    Args:
        total: number of the model's parameters.
        trained: number of trained parameters, among these or beside them (LoRA).
        shards: number of GPUs that share the weights; 1 if each has a copy.
        frozen_bytes: of a weight under LoRA, which stays as its files have it.
    """
    frozen = 0 if trained == total else total
    return {
        "weights": (frozen_bytes * frozen + FP32 * trained) / shards,
        "gradients": FP32 * trained / shards,
        "optimizer": 2 * FP32 * trained / shards,
    }


def gathered_weights(shape: ShapeConfig) -> int:
    """Whole weights beside the shards: two layers, one used and one on its way, and embeddings and head."""
    return BF16 * (2 * layer_parameters(shape) + embedding_parameters(shape))


def layer_activations(shape: ShapeConfig) -> int:
    """Activations of a layer that are kept for the backward pass, per token.

    Counted as Korthikanti et al. (2022, arXiv 2205.05198, section 4.1) count 34 h for GPT, without dropout
    masks and scores: the inputs of both norms and of the matrices behind them (4h), queries, keys, values and
    their result (2q + 2k), and the gated MLP's four products (4i).
    """
    h, q, k, i = widths(shape)
    return BF16 * (4 * h + 2 * q + 2 * k + 4 * i)


def activations(shape: ShapeConfig, tokens: int, *, checkpointing: bool) -> int:
    """Activations of all layers for a number of tokens.

    With checkpointing, these are the input of each layer, and one layer in full.
    """
    if checkpointing:
        return tokens * (BF16 * shape.hidden_size * shape.num_hidden_layers + layer_activations(shape))
    return tokens * shape.num_hidden_layers * layer_activations(shape)


def kv_cache(shape: ShapeConfig, tokens: int, number_bytes: int = BF16) -> int:
    """Keys and values of all layers: 2 L k numbers a token (Pope et al. 2022, arXiv 2211.05102)."""
    _, _, k, _ = widths(shape)
    return tokens * 2 * shape.num_hidden_layers * k * number_bytes


def training_flops(total: int, tokens: int, *, checkpointing: bool) -> float:
    """Operations of a training: 6 N a token, 8 N if the forward pass is done again (arXiv 2104.04473)."""
    return (8 if checkpointing else 6) * float(total) * tokens

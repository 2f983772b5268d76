"""Rollouts by a vLLM server that the job starts itself: ``vllm_mode: server`` without an address."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from trl import GRPOConfig

from rlcs.config.endpoints import ServingConfig
from rlcs.errors import InputError
from rlcs.stages.children import free_port
from rlcs.stages.ranks import broadcast

# What TRL's trainers need of `vllm serve` (TRL 1.16, vLLM integration): weights pushed into it by NCCL,
# through endpoints of its development mode, and probabilities at the temperature of what was drawn.
_NEEDED = {
    "weight_transfer_config": json.dumps({"backend": "nccl"}),
    "logprobs_mode": "processed_logprobs",
    "max_logprobs": -1,
}
_DEVELOPMENT = {"VLLM_SERVER_DEV_MODE": "1"}


def awaits_server(options: GRPOConfig) -> bool:
    """True if ``vllm_mode: server`` is set without an address."""
    address = (options.vllm_server_base_url, options.vllm_server_host, options.vllm_server_port)
    default = (None, GRPOConfig.vllm_server_host, GRPOConfig.vllm_server_port)
    return options.use_vllm and options.vllm_mode == "server" and address == default


def serve_rollouts(options: GRPOConfig, model: Path, serving: ServingConfig) -> None:
    """Start the server that a training's options ask for, and set its address in them; else do nothing.

    Only TRL's main process calls it, so it runs on the first node.

    Args:
        model: folder of the model that the training starts from.

    Raises:
        InputError: serving.rollouts.gpus is 0, or as ``start_server``.
    """
    if not awaits_server(options):
        return
    if problem := rollouts_problem(options, serving):
        raise InputError(problem)
    from rlcs.models.vllm_server import start_server  # with openai, whose import takes a while

    gpus = serving.rollouts.gpus
    arguments = {**serving.rollouts.arguments, "tensor_parallel_size": gpus, **_NEEDED}
    development = serving.model_copy(update={"environment": {**serving.environment, **_DEVELOPMENT}})
    options.vllm_server_base_url = broadcast(
        lambda: start_server(model, f"rollouts-{uuid.uuid4().hex}", arguments, development, gpus=gpus)
    )
    options.vllm_group_port = broadcast(free_port)


def rollouts_problem(options: GRPOConfig, serving: ServingConfig) -> str | None:
    """Problem of a server without an address that the job cannot start either; None without a problem."""
    if not awaits_server(options) or serving.rollouts.gpus:
        return None
    return (
        "vllm_mode: server has no server: set serving.rollouts.gpus, and the job starts it, or "
        "vllm_server_base_url to one that runs"
    )

"""How `vllm serve` is started beside a stage, and asked; nothing that its answers depend on."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rlcs.options import Section


class Rollouts(Section):
    """The server of a training's rollouts, where its options say vllm_mode: server and no address."""

    gpus: int = Field(
        0, ge=0, description="Of the job's GPUs on its first node, how many it has: the last but the judge's."
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Of `vllm serve`, beside those that TRL needs; tensor_parallel_size is gpus.",
        examples=[{"max_model_len": 4096}],
    )


class Serving(Section):
    """`vllm serve` as a child of the job whose judge it is, where judging.engine is vllm."""

    command: list[str] = Field(
        default_factory=lambda: ["vllm"],
        min_length=1,
        description="How vLLM is started: its program, which may lie in an environment of its own.",
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="Variables for the server beside the job's own; no secrets."
    )
    gpus: int = Field(
        0,
        ge=0,
        description="Of the job's GPUs, how many a policy's training leaves to its judge: the last ones. 0: "
        "trainer and server share all of them, and gpu_memory_utilization must leave room.",
    )
    rollouts: Rollouts = Field(
        default_factory=Rollouts, description="The server of a training's rollouts: {gpus, arguments}."
    )
    startup_timeout: float = Field(900.0, gt=0, description="Seconds until the server must answer.")
    concurrency: int = Field(256, ge=1, description="Questions that are in flight at once.")
    timeout: float = Field(600.0, gt=0, description="Seconds of silence after which an attempt has failed.")

"""How the server of a judge in process is started and asked; nothing that its answers depend on."""

from __future__ import annotations

from pydantic import Field

from rlcs.options import Section


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
    startup_timeout: float = Field(900.0, gt=0, description="Seconds until the server must answer.")
    concurrency: int = Field(256, ge=1, description="Questions that are in flight at once.")
    timeout: float = Field(600.0, gt=0, description="Seconds of silence after which an attempt has failed.")

"""A model behind an HTTP endpoint, as an entry of the config: which one, where, how fast, at which price."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from rlcs.config.section import Section

# What the workflow sends with each question itself.
RESERVED_SAMPLING = {"model", "messages", "stream", "stream_options", "n"}


class EndpointConfig(Section):
    """A model behind an OpenAI-compatible HTTP endpoint: `vllm serve` or a vendor."""

    backend: Literal["openai"] = Field(description="Who answers.")
    model: str = Field(
        description="The endpoint's name of the model.", examples=["Qwen/Qwen2.5-72B-Instruct"]
    )
    sampling: dict[str, Any] = Field(
        default_factory=dict,
        description="Sent with each question as it is: temperature, max_tokens, ... in the endpoint's names.",
        examples=[{"temperature": 0, "max_tokens": 1024}],
    )
    base_url: str | None = Field(
        None, description="Where it is served, such as http://localhost:8000/v1. Empty: the client's default."
    )
    api_key_env: str | None = Field(
        None,
        pattern=r"^[A-Z_][A-Z0-9_]*$",
        description="NAME of the environment variable that holds the key; never the key. Empty: no key.",
        examples=["OPENAI_API_KEY"],
    )
    concurrency: int = Field(16, ge=1, description="Questions that are in flight at once, per process.")
    requests_per_minute: float | None = Field(
        None, gt=0, description="Questions are spaced so that no more are sent, per process. Empty: no limit."
    )
    timeout: float = Field(300.0, gt=0, description="Seconds of silence after which an attempt has failed.")
    attempts: int = Field(8, ge=1, description="Attempts at a question, the first one included.")
    backoff: float = Field(
        1.0, gt=0, description="Seconds before the second attempt, doubled for each further one."
    )
    max_wait: float = Field(
        600.0,
        gt=0,
        description="Seconds that the endpoint may ask to wait; where it asks for more, it has failed.",
    )
    max_failure_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Judging stops where a larger share of the questions gets no answer. A training stops by "
        "its own reward.max_failure_share.",
    )
    prompt_price: float = Field(0.0, ge=0, description="Price of a million prompt tokens, to show the cost.")
    completion_price: float = Field(0.0, ge=0, description="Price of a million tokens of answers.")

    @field_validator("sampling")
    @classmethod
    def _sampling(cls, sampling: dict[str, Any]) -> dict[str, Any]:
        if reserved := sorted(sampling.keys() & RESERVED_SAMPLING):
            raise ValueError(f"{reserved} are set by the workflow and cannot be configured")
        if extra := sorted(name for name in sampling if name.startswith("extra_")):
            raise ValueError(f"{extra} belong to the Python client; name the endpoint's own options")
        return sampling

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, url: str | None) -> str | None:
        # what is wrong is said without the address, which may hold a secret
        try:
            parts = urlsplit(url or "http://default")
        except ValueError:
            raise ValueError("cannot be read as an address") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address such as http://localhost:8000/v1")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("must hold neither user, password nor query; a key belongs in api_key_env")
        return url

    @model_validator(mode="after")
    def _key(self) -> EndpointConfig:
        if self.base_url is None and self.api_key_env is None:
            raise ValueError("needs base_url, or api_key_env for the vendor that the client calls by default")
        return self


class RolloutsConfig(Section):
    """The server of a training's rollouts, where its options say vllm_mode: server and no address."""

    gpus: int = Field(
        0, ge=0, description="Of the job's GPUs on its first node, how many it has: the last but the judge's."
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Of `vllm serve`, beside those that TRL needs; tensor_parallel_size is gpus.",
        examples=[{"max_model_len": 4096}],
    )


class ServingConfig(Section):
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
    rollouts: RolloutsConfig = Field(
        default_factory=RolloutsConfig, description="The server of a training's rollouts: {gpus, arguments}."
    )
    startup_timeout: float = Field(900.0, gt=0, description="Seconds until the server must answer.")
    concurrency: int = Field(256, ge=1, description="Questions that are in flight at once.")
    timeout: float = Field(600.0, gt=0, description="Seconds of silence after which an attempt has failed.")

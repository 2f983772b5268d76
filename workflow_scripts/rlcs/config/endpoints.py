"""The config of models behind HTTP endpoints: address, rate and price; and of vLLM beside a job."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from rlcs.config.section import Section

# Parameters that the workflow sends with each request itself.
RESERVED_SAMPLING = {"model", "messages", "stream", "stream_options", "n"}


class EndpointConfig(Section):
    """A model behind an OpenAI-compatible HTTP endpoint: `vllm serve` or a vendor."""

    backend: Literal["openai"] = Field(description="Backend: an OpenAI-compatible endpoint.")
    model: str = Field(
        description="Name of the model at the endpoint.", examples=["Qwen/Qwen2.5-72B-Instruct"]
    )
    sampling: dict[str, Any] = Field(
        default_factory=dict,
        description="Parameters sent with each request, such as temperature and max_tokens, in the "
        "endpoint's own names.",
        examples=[{"temperature": 0, "max_tokens": 1024}],
    )
    base_url: str | None = Field(
        None, description="Address, such as http://localhost:8000/v1. Empty: the default of OpenAI's client."
    )
    api_key_env: str | None = Field(
        None,
        pattern=r"^[A-Z_][A-Z0-9_]*$",
        description="Name of the environment variable that holds the key, never the key itself. "
        "Empty: no key.",
        examples=["OPENAI_API_KEY"],
    )
    concurrency: int = Field(16, ge=1, description="Requests in flight at once, per process.")
    requests_per_minute: float | None = Field(
        None, gt=0, description="Largest number of requests per minute and process. Empty: no limit."
    )
    timeout: float = Field(300.0, gt=0, description="Seconds of silence after which an attempt has failed.")
    attempts: int = Field(8, ge=1, description="Number of attempts at a request, the first included.")
    backoff: float = Field(
        1.0, gt=0, description="Seconds before the second attempt; doubled for each further one."
    )
    max_wait: float = Field(
        600.0,
        gt=0,
        description="Longest wait in seconds that the endpoint may ask for; if it asks for more, the "
        "request has failed.",
    )
    max_failure_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Largest share of the last 100 requests, or of a batch's if these are more, without an "
        "answer before judging stops. It stops, too, if the endpoint fails 100 in a row, unless this is 1. A "
        "training stops by its own reward.max_failure_share.",
    )
    prompt_price: float = Field(
        0.0, ge=0, description="Price of a million prompt tokens, for the costs in the log."
    )
    completion_price: float = Field(0.0, ge=0, description="Price of a million completion tokens.")
    max_cost: float | None = Field(
        None,
        gt=0,
        description="Largest cost of all answers of this entry in the run. A request is not sent if the "
        "longest answer could pass it, and the job stops. Needs prices. Empty: no limit.",
    )

    @property
    def longest_answer(self) -> int | None:
        """Most tokens of an answer; None if the sampling states no limit."""
        limits = [self.sampling.get(name) for name in ("max_tokens", "max_completion_tokens")]
        return next((limit for limit in limits if isinstance(limit, int)), None)

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
        # messages leave out the address, which may hold a secret
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
    def _limited_cost(self) -> EndpointConfig:
        if self.max_cost is not None and not (self.prompt_price or self.completion_price):
            raise ValueError("max_cost needs prompt_price and completion_price; without them all costs are 0")
        return self

    @model_validator(mode="after")
    def _key(self) -> EndpointConfig:
        if self.base_url is None and self.api_key_env is None:
            raise ValueError("needs base_url, or api_key_env for the vendor that the client calls by default")
        return self


Engine = Literal["transformers", "vllm", "vllm_offline"]
"""Program that runs a model of the run."""


class RolloutsConfig(Section):
    """The vLLM server of a training's rollouts, for vllm_mode: server without an address."""

    gpus: int = Field(
        0,
        ge=0,
        description="Number of GPUs of the server: the last of the job's first node, before the judge's.",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Further arguments of `vllm serve`. tensor_parallel_size is always gpus.",
        examples=[{"max_model_len": 4096}],
    )


class ServingConfig(Section):
    """vLLM beside a job: the server of its judge (judging.engine: vllm) and of its rollouts."""

    command: list[str] = Field(
        default_factory=lambda: ["vllm"],
        min_length=1,
        description="Command of vLLM; its program may be in another environment.",
    )
    environment: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables of the server, beside those of the job; no secrets.",
    )
    gpus: int = Field(
        0,
        ge=0,
        description="Number of the job's GPUs, the last ones, that a policy's training leaves to its "
        "judge. 0: trainer "
        "and server share all GPUs, and gpu_memory_utilization must leave room for the trainer.",
    )
    rollouts: RolloutsConfig = Field(
        default_factory=RolloutsConfig, description="Server of a training's rollouts: {gpus, arguments}."
    )
    startup_timeout: float = Field(900.0, gt=0, description="Seconds within which the server must be ready.")
    concurrency: int = Field(256, ge=1, description="Requests in flight at once.")
    timeout: float = Field(600.0, gt=0, description="Seconds of silence after which an attempt has failed.")

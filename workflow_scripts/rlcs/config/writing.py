"""The config of what policies write: their prompt, and how stories are sampled."""

from __future__ import annotations

from pydantic import Field, model_validator

from rlcs.config import prompts
from rlcs.config.endpoints import Engine
from rlcs.config.section import Section


class WritingConfig(Section):
    """The prompt of every policy."""

    template: str = Field(
        description="Prompt of every policy. Fields of the context, such as $outline, are filled in.",
        examples=["Write a $domain. $outline\n$constraints"],
    )

    @model_validator(mode="after")
    def _fields(self) -> WritingConfig:
        prompts.check_template(self.template, prompts.CONTEXT_FIELDS)
        return self


class SamplingConfig(Section):
    """Sampling of the stories for the win rates."""

    temperature: float = Field(1.0, ge=0, description="Sampling temperature; 0 is greedy decoding.")
    top_p: float = Field(
        1.0, gt=0, le=1, description="Probability mass for nucleus sampling; 1 keeps all tokens."
    )
    max_new_tokens: int = Field(
        1024,
        ge=1,
        description="Longest completion in tokens: a story, and a thinking model's thoughts before it. A "
        "longer one is cut off and counted as truncated. Lengths and constraints count the story alone.",
    )
    samples: int = Field(1, ge=1, description="Stories per context, policy and seed.")
    contexts: int = Field(300, ge=1, description="Number of held-out contexts.")
    batch_size: int = Field(256, ge=1, description="Stories generated at once.")
    engine: Engine | None = Field(
        None, description="Program that runs policies, as judging.engine runs judges. Empty: judging.engine."
    )
    vllm: dict[str, bool | int | float | str] | None = Field(
        None,
        description="Arguments of vLLM, named with underscores. Empty: judging.vllm.",
        examples=[{"max_model_len": 4096}],
    )

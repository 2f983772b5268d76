"""The config of what policies write: their prompt, and how stories are sampled."""

from __future__ import annotations

from pydantic import Field, model_validator

from rlcs.config import prompts
from rlcs.config.section import Section


class WritingConfig(Section):
    """What every policy is asked for."""

    template: str = Field(
        description="The policy's prompt: the context's fields ($outline, ...) are filled in.",
        examples=["Write a $domain. $outline\n$constraints"],
    )

    @model_validator(mode="after")
    def _fields(self) -> WritingConfig:
        prompts.check_template(self.template, prompts.CONTEXT_FIELDS)
        return self


class SamplingConfig(Section):
    """How stories are drawn for the win rates."""

    temperature: float = Field(1.0, ge=0, description="0 is greedy.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus sampling.")
    max_new_tokens: int = Field(1024, ge=1, description="Longest story; a longer one is cut off and counted.")
    samples: int = Field(1, ge=1, description="Stories per context and policy.")
    contexts: int = Field(300, ge=1, description="Held-out contexts.")
    batch_size: int = Field(256, ge=1, description="Stories that are generated side by side.")

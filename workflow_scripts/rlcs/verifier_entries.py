"""The entries of verifiers: models that say whether a story meets a requirement that no rule can check."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlcs import prompts
from rlcs.endpoint_entries import Endpoint
from rlcs.options import Name, Section

TEMPLATE = """\
Here are a requirement and a story. Does the story meet the requirement? Say briefly why, then end with a line
of its own: "Verdict: yes" or "Verdict: no".

Requirement: $constraint

Story:
$story"""


class _Verifier(Section):
    template: str = Field(
        TEMPLATE,
        description="The verifier's prompt: $constraint, $story and the context's fields are filled in.",
    )

    @model_validator(mode="after")
    def _fields(self) -> _Verifier:
        prompts.check_template(self.template, prompts.VERIFIER_FIELDS, required=("constraint", "story"))
        return self


class ModelVerifier(_Verifier):
    """An instruction-tuned model that reads one requirement and one story, in process."""

    backend: Literal["transformers"] = Field(description="Who answers.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    max_new_tokens: int = Field(256, ge=1, description="Longest answer; a longer one is unread.")
    batch_size: int = Field(64, ge=1, description="Questions that are generated side by side.")


class EndpointVerifier(Endpoint, _Verifier):
    """The same behind an OpenAI-compatible HTTP endpoint."""


Verifier = Annotated[ModelVerifier | EndpointVerifier, Field(discriminator="backend")]

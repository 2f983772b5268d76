"""The entries of verifiers: models that say whether a story meets a requirement that no rule can check."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlcs.config import prompts
from rlcs.config.endpoints import EndpointConfig
from rlcs.config.section import ModelConfig, Name, Section
from rlcs.records import Comparison


class ScoresConfig(Section):
    """The range of a GenRM's integer scores."""

    low: int = Field(1, ge=0, description="Lowest score.")
    high: int = Field(9, ge=1, le=999, description="Highest score.")

    @model_validator(mode="after")
    def _range(self) -> ScoresConfig:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} must be less than high {self.high}")
        return self


class JudgingConfig(Section):
    """What every generative judge is asked and how its answer is read."""

    template: str = Field(
        description="The judge's prompt: $story_1, $story_2, $rubric and the context's fields are filled in.",
        examples=["$outline\n$rubric\nStory 1: $story_1\nStory 2: $story_2"],
    )
    rubrics: dict[str, str] = Field(
        default_factory=dict, description="Rubric by domain; 'default' serves the other domains."
    )
    scores: ScoresConfig = Field(default_factory=ScoresConfig, description="Range of the two integer scores.")
    max_new_tokens: int = Field(1024, ge=1, description="Longest answer; a longer one is unparsed.")
    batch_size: int = Field(256, ge=1, description="Comparisons that are generated side by side.")
    engine: Literal["transformers", "vllm", "vllm_offline"] = Field(
        "transformers",
        description="Who runs the models that judge: transformers, in the job's process; `vllm serve`, as "
        "a child of the job (see serving); or vLLM's offline engine, in the job's process. A policy's "
        "training has its judges served in either case of vLLM.",
    )
    vllm: dict[str, bool | int | float | str] = Field(
        default_factory=dict,
        description="Arguments of vLLM in its names with underscores, such as max_model_len.",
        examples=[{"max_model_len": 8192}],
    )

    @model_validator(mode="after")
    def _fields(self) -> JudgingConfig:
        prompts.check_template(self.template, prompts.JUDGE_FIELDS, required=("story_1", "story_2"))
        return self

    def prompt(self, comparison: Comparison) -> prompts.Messages:
        """The conversation that asks for a judgement of one comparison."""
        c = comparison
        return prompts.judge_prompt(self.template, self.rubrics, c.context, c.first, c.second)


VERIFIER_TEMPLATE = """\
Here are a requirement and a story. Does the story meet the requirement? Say briefly why, then end with a line
of its own: "Verdict: yes" or "Verdict: no".

Requirement: $constraint

Story:
$story"""


class _VerifierConfig(ModelConfig):
    template: str = Field(
        VERIFIER_TEMPLATE,
        description="The verifier's prompt: $constraint, $story and the context's fields are filled in.",
    )

    @model_validator(mode="after")
    def _fields(self) -> _VerifierConfig:
        prompts.check_template(self.template, prompts.VERIFIER_FIELDS, required=("constraint", "story"))
        return self


class ModelVerifierConfig(_VerifierConfig):
    """An instruction-tuned model that reads one requirement and one story, in process."""

    backend: Literal["transformers"] = Field(description="Who answers.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    max_new_tokens: int = Field(256, ge=1, description="Longest answer; a longer one is unread.")
    batch_size: int = Field(64, ge=1, description="Questions that are generated side by side.")


class EndpointVerifierConfig(EndpointConfig, _VerifierConfig):
    """The same behind an OpenAI-compatible HTTP endpoint."""


VerifierConfig = Annotated[ModelVerifierConfig | EndpointVerifierConfig, Field(discriminator="backend")]

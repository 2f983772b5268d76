"""The config of generative judges: prompt, scores and engine; and the entries of verifiers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlcs.config import prompts
from rlcs.config.endpoints import EndpointConfig, Engine
from rlcs.config.section import ModelConfig, Name, Section
from rlcs.records import Comparison, Context, Reads

LARGEST_DIGIT = 9  # tokenizers differ in how they write larger numbers: many go digit by digit


class ScoresConfig(Section):
    """The range of a generative judge's integer scores."""

    low: int = Field(1, ge=0, description="Lowest score.")
    high: int = Field(
        9, ge=1, le=999, description="Highest score; above 9 a judge has no probability of its own."
    )

    @model_validator(mode="after")
    def _range(self) -> ScoresConfig:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} must be less than high {self.high}")
        return self

    @property
    def are_digits(self) -> bool:
        """True if each score is a single token of every tokenizer, so that its probability can be read."""
        return self.high <= LARGEST_DIGIT


class JudgingConfig(Section):
    """The prompt of every generative judge, and the reading of its answers."""

    template: str = Field(
        description="Prompt of every generative judge with reads: pair. $story_1, $story_2, $rubric and the "
        "context's fields are filled in.",
        examples=["$outline\n$rubric\nStory 1: $story_1\nStory 2: $story_2"],
    )
    story_template: str | None = Field(
        None,
        description="Prompt of every generative judge with reads: story, whose answer ends in a line such as "
        "Score: 7. $story, $rubric and the context's fields are filled in. Empty: there is no such judge.",
        examples=["$outline\n$rubric\nStory: $story"],
    )
    rubrics: dict[str, str] = Field(
        default_factory=dict, description="Rubric by domain; the entry default is for all other domains."
    )
    scores: ScoresConfig = Field(default_factory=ScoresConfig, description="Range of the two integer scores.")
    max_new_tokens: int = Field(
        1024,
        ge=1,
        description="Longest answer in tokens, with a thinking model's thoughts. A longer one is not read.",
    )
    batch_size: int = Field(256, ge=1, description="Comparisons answered at once.")
    engine: Engine = Field(
        "transformers",
        description="Program that runs models of this run: judges and verifiers, and policies unless "
        "sampling.engine names another. transformers: in the job's process. vllm: `vllm serve`, "
        "started by the job (see serving). vllm_offline: vLLM's offline engine, in the job's process; "
        "for the judges of a policy's training it is the same as vllm.",
    )
    vllm: dict[str, bool | int | float | str] = Field(
        default_factory=dict,
        description="Arguments of vLLM, named with underscores, such as max_model_len.",
        examples=[{"max_model_len": 8192}],
    )

    @model_validator(mode="after")
    def _fields(self) -> JudgingConfig:
        prompts.check_template(self.template, prompts.JUDGE_FIELDS, required=("story_1", "story_2"))
        if self.story_template is not None:
            prompts.check_template(self.story_template, prompts.STORY_FIELDS, required=("story",))
        return self

    def prompt(self, comparison: Comparison, reads: Reads = "pair") -> prompts.Messages:
        """Make the prompt for a comparison, as a conversation; with ``reads: story``, for the first story."""
        c = comparison
        if reads == "story":
            return self.story_prompt(c.context, c.first)
        return prompts.judge_prompt(self.template, self.rubrics, c.context, c.first, c.second)

    def story_prompt(self, context: Context, story: str) -> prompts.Messages:
        """Make the prompt for one story, as a conversation."""
        assert self.story_template is not None, "a judge that reads: story is refused without it"
        return prompts.story_prompt(self.story_template, self.rubrics, context, story)


VERIFIER_TEMPLATE = """\
Here are a requirement and a story. Does the story meet the requirement? Say briefly why, then end with a line
of its own: "Verdict: yes" or "Verdict: no".

Requirement: $constraint

Story:
$story"""


class _VerifierConfig(ModelConfig):
    template: str = Field(
        VERIFIER_TEMPLATE,
        description="Prompt of the verifier. $constraint, $story and the context's fields are filled in.",
    )

    @model_validator(mode="after")
    def _fields(self) -> _VerifierConfig:
        prompts.check_template(self.template, prompts.VERIFIER_FIELDS, required=("constraint", "story"))
        return self


class ModelVerifierConfig(_VerifierConfig):
    """An instruction-tuned model that reads a requirement and a story.

    judging.engine runs it. Beside a training it is in the trainer's process, whose GPUs it shares.
    """

    backend: Literal["transformers"] = Field(description="Backend: a model of this run.")
    base: Name = Field(description="Name under bases.", examples=["world"])
    max_new_tokens: int = Field(256, ge=1, description="Longest answer in tokens. A longer one is not read.")
    batch_size: int = Field(64, ge=1, description="Questions answered at once.")


class EndpointVerifierConfig(EndpointConfig, _VerifierConfig):
    """A verifier behind an OpenAI-compatible HTTP endpoint."""


VerifierConfig = Annotated[ModelVerifierConfig | EndpointVerifierConfig, Field(discriminator="backend")]

"""The entries of judges that nothing trains: the truth, a count of words, and language models as they are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rlcs.answer_formats import STRICT, check_format
from rlcs.config.endpoints import EndpointConfig
from rlcs.config.judging import ScoresConfig
from rlcs.config.plugins import AnswerConfig
from rlcs.config.prompts import JUDGE_FIELDS, STORY_FIELDS, check_template
from rlcs.config.section import File, ModelConfig, Name, Section
from rlcs.records import Reads


class OracleJudgeConfig(ModelConfig):
    """The truth: the tiny world's hidden utility decides, and no model."""

    kind: Literal["oracle"] = Field(description="Kind of judge: the truth.")


class RewardModelJudgeConfig(ModelConfig):
    """A ready reward model of the hub or a folder, which scores each story by itself."""

    kind: Literal["scalar"] = Field(description="Kind of judge: a scalar reward model.")
    train: Literal["none"] = Field(description="Training: none.")
    base: Name = Field(
        description="Name under bases of a base with kind: reward_model.", examples=["reward-model"]
    )


class LengthJudgeConfig(ModelConfig):
    """A count of words: the baseline that a judge or reward must beat."""

    kind: Literal["length"] = Field(description="Kind of judge: a count of words.")
    prefer: Literal["longer", "shorter"] = Field("longer", description="Story that wins.")


class TeacherWeightsConfig(Section):
    """Utility per slot of each dimension that the tiny world's teacher sees in a story."""

    outline: float = Field(0.7, description="Weight of the outline's place, foe and tool.")
    character: float = Field(0.2, description="Weight of the hero's trait and name.")
    coherence: float = Field(
        0.1, description="Weight of a lost item that is found and a tool that is used again."
    )
    originality: float = Field(1.3, description="Weight of vivid words.")
    engagement: float = Field(0.5, description="Weight of words for feelings.")


class GenerativeJudgeConfig(ModelConfig):
    """A judge that writes an analysis and scores; only if they are its verdict can it be a teacher."""

    kind: Literal["generative"] = Field(description="Kind of judge: it writes an analysis and scores.")
    reads: Reads = Field(
        "pair",
        description="Stories that one answer speaks of. pair: two, which are compared. story: one, which is "
        "scored by itself (pointwise), so that a group of G stories takes G answers. A judge reads what its "
        "from and its teacher read.",
    )


class _UntrainedConfig(GenerativeJudgeConfig):
    train: Literal["none"] = Field("none", description="Training: none.")


class WorldTeacherConfig(_UntrainedConfig):
    """The tiny world's simulated teacher, with biases of its own."""

    backend: Literal["world"] = Field(description="Backend: the tiny world's simulated teacher.")
    seed: int = Field(0, description="Seed of the slots that it misreads.")
    weights: TeacherWeightsConfig = Field(
        default_factory=TeacherWeightsConfig, description="Utility per slot of each dimension."
    )
    usual_utility: float = Field(3.5, description="Utility of a story that gets the middle score.")
    utility_per_point: float = Field(
        0.7, gt=0, description="Difference in utility that changes the score by one point."
    )
    length_bias: float = Field(0.04, description="Points added per word of a story beyond the usual 27.")
    first_position_bias: float = Field(0.4, description="Points added to the story shown first.")
    slip_rate: float = Field(0.01, ge=0, le=1, description="Probability that it misreads a slot.")


CHAIN_COLUMNS = {
    "story_a": "story_a",
    "story_b": "story_b",
    "label": "chosen_story",
    "analysis": "rationale",
}
"""Columns of LitBench-Rationales by the workflow's names."""


class RecordedTeacherConfig(_UntrainedConfig):
    """Chains about pairs from a file, which another system wrote; a teacher and nothing else.

    A pair is found by its two stories, whatever the spelling, in the order of the file. In the other order
    the teacher has no verdict, so that a GenRM learns its chains with chains: unfiltered.
    """

    backend: Literal["file"] = Field(description="Backend: chains from a file.")
    chains: File = Field(
        description="File with two stories, the better one (A, B or its text) and an analysis (JSONL, CSV or "
        "Parquet).",
        examples=["rationales.jsonl"],
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Your column for each of story_a, story_b, label and analysis. Empty: those of "
        "LitBench-Rationales: story_a, story_b, chosen_story, rationale.",
    )

    @model_validator(mode="after")
    def _known_columns(self) -> RecordedTeacherConfig:
        if unknown := sorted(self.columns.keys() - CHAIN_COLUMNS.keys()):
            raise ValueError(f"columns {unknown} are none of {', '.join(CHAIN_COLUMNS)}")
        if self.reads != "pair":
            raise ValueError("a file's chains speak of two stories: reads must be pair")
        return self


VOTES = Field(
    1,
    ge=1,
    description="Number of answers to each comparison. The majority decides; the share of answers "
    "for a story is its probability.",
)


class AnswersConfig(Section):
    """The prompt and the answers of a judge that the run does not train, if they are others than its own."""

    answer: AnswerConfig = Field(
        STRICT,
        description="Form of its answers. scores: a last line Scores: X Y of integers. loose_scores: such a "
        "line with Markdown, commas or decimals. letter: [[A]], [[B]] or [[C]] for a tie, <answer>A</answer> "
        'or Verdict: A. json: {"winner": "A"} or {"score_1": 8, "score_2": 3}. Or a regular expression with '
        "the group winner, or score_1 and score_2; with reads: story, score. Its last match counts. Or "
        "{file: my_format.py}: a Python file of your own.",
    )
    template: str | None = Field(
        None,
        description="Prompt of this judge. Empty: judging.template; with reads: story, "
        "judging.story_template.",
    )
    scores: ScoresConfig | None = Field(
        None, description="Range of its scores: {low, high}. Empty: judging.scores."
    )
    max_unread_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Largest share of its first answers, 8 at least, that may be unread. If more are, "
        "judging stops and shows one; 1 lets all pass. With from, a judge is exempt: its training is what is "
        "measured.",
    )

    def check_answers(self, reads: Reads) -> None:
        """Check the format and the template of a judge that reads a pair or a story.

        Raises:
            ValueError: they do not fit it.
        """
        if isinstance(self.answer, str):
            check_format(self.answer, reads)
        if self.template is not None:
            if reads == "story":
                check_template(self.template, STORY_FIELDS, required=("story",))
            else:
                check_template(self.template, JUDGE_FIELDS, required=("story_1", "story_2"))


def _check_votes(votes: int, temperature: float | None) -> None:
    if votes > 1 and temperature == 0:
        raise ValueError(f"{votes} votes at temperature 0 are the same answer; set a temperature")


class EndpointJudgeConfig(AnswersConfig, EndpointConfig, _UntrainedConfig):
    """A model behind an OpenAI-compatible HTTP endpoint: `vllm serve` or a vendor."""

    votes: int = VOTES

    @model_validator(mode="after")
    def _different_votes(self) -> EndpointJudgeConfig:
        _check_votes(self.votes, self.sampling.get("temperature"))
        self.check_answers(self.reads)
        return self


class ModelJudgeConfig(GenerativeJudgeConfig):
    """A generative judge whose model is one of this run's."""

    backend: Literal["transformers"] = Field(
        "transformers", description="Backend: a model of this run, run by judging.engine."
    )

    @field_validator("backend", mode="before")
    @classmethod
    def _others_are_untrained(cls, backend: Any) -> Any:
        if backend in ("openai", "world"):
            raise ValueError(f"{backend!r} needs train: none; only models of this run are trained")
        return backend


class UntrainedJudgeConfig(AnswersConfig, ModelJudgeConfig):
    """A language model without further training: a base, or a GenRM with several votes."""

    train: Literal["none"] = Field(description="Training: none.")
    parent: Name | None = Field(
        None, alias="from", description="Judge whose weights it uses.", examples=["genrm-grpo"]
    )
    base: Name | None = Field(None, description="Name under bases whose weights it uses, in place of from.")
    votes: int = VOTES
    temperature: float = Field(
        0.0, ge=0, description="Sampling temperature of the answers; 0 is greedy decoding."
    )

    @model_validator(mode="after")
    def _different_votes(self) -> UntrainedJudgeConfig:
        _check_votes(self.votes, self.temperature)
        self.check_answers(self.reads)
        changed = [key for key in ("template", "scores") if getattr(self, key) is not None]
        changed += ["answer"] if self.answer != STRICT else []
        if self.parent is not None and changed:
            raise ValueError(
                f"{', '.join(changed)}: the judge {self.parent!r} has learned judging.template and its "
                "line of scores; leave them out, or name a base"
            )
        return self

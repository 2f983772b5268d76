"""Entries that name a plug-in: a Python file of the user's (docs/extending.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from rlcs.config.section import File, ModelConfig, Section
from rlcs.records import Reads

_OPTIONS: Any = Field(
    default_factory=dict, description="Further arguments of the file's function, by name.", examples=[{}]
)


class PluginJudgeConfig(ModelConfig):
    """A judge of your own, from a Python file; it runs on the CPU of the job that asks it."""

    kind: Literal["plugin"] = Field(description="Kind of judge: a file of your own.")
    file: File = Field(
        description="Python file with the function judge(comparisons), or score(stories, contexts) with "
        "reads: story. Its content counts, and where it changes, what the judge answered is made anew.",
        examples=["my_judge.py"],
    )
    reads: Reads = Field(
        "pair",
        description="Stories that one answer speaks of. pair: two, which judge compares. story: one, which "
        "score scores by itself.",
    )
    options: dict[str, Any] = _OPTIONS


class FunctionRewardConfig(Section):
    """A reward of your own, from a Python file."""

    function: File = Field(
        description="Python file with the function reward(stories, contexts), in the place of a judge. Its "
        "content counts, and where it changes, the policy is trained anew.",
        examples=["my_reward.py"],
    )
    options: dict[str, Any] = _OPTIONS
    max_failure_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Largest share of the last 100 values, or of a step's if these are more, that may be "
        "None before training stops.",
    )
    weight: float = Field(1.0, description="Weight of this reward in a sum.")


class AnswerFileConfig(Section):
    """An answer format of your own, from a Python file."""

    file: File = Field(
        description="Python file with the function read(text). It returns what a pattern's groups would say: "
        "{winner}, {score_1, score_2} or {score}; None if it cannot read the text.",
        examples=["my_format.py"],
    )


# The form of a judge's answers: a name or a pattern, or a file. The tags are in no message.
ANSWER_TAGS = ("named answer", "answer of a file")
AnswerConfig = Annotated[
    Annotated[str, Tag(ANSWER_TAGS[0])] | Annotated[AnswerFileConfig, Tag(ANSWER_TAGS[1])],
    Discriminator(lambda value: ANSWER_TAGS[isinstance(value, Mapping | AnswerFileConfig)]),
]

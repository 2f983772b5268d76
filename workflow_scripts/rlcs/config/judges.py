"""The entries of judges: the key of an entry that says its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from rlcs.config.plugins import PluginJudgeConfig
from rlcs.config.trained_judges import (
    GenrmGRPOConfig,
    GenrmProbeConfig,
    GenrmSFTConfig,
    GenrmVerdictsConfig,
    ScalarJudgeConfig,
)
from rlcs.config.untrained_judges import (
    EndpointJudgeConfig,
    GenerativeJudgeConfig,
    LengthJudgeConfig,
    OracleJudgeConfig,
    RecordedTeacherConfig,
    RewardModelJudgeConfig,
    UntrainedJudgeConfig,
    WorldTeacherConfig,
)

# The keys that tell judges apart. They are the tags of the union below, which are in no message.
_GENERATIVE = {
    "train": ("none", "sft", "verdicts", "probe", "grpo"),
    "backend": ("transformers", "openai", "world", "file"),
}
_KINDS = ("oracle", "length", "generative", "scalar", "plugin")
JUDGE_TAGS = (
    "oracle",
    "length",
    "plugin",
    "scalar",
    "scalar none",
    "train none",
    "train sft",
    "train verdicts",
    "train probe",
    "train grpo",
    "backend openai",
    "backend world",
    "backend file",
)


def _judge_tag(value: Any) -> str | None:
    fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    if (kind := fields.get("kind")) != "generative":
        return "scalar none" if (kind, fields.get("train")) == ("scalar", "none") else kind
    train, backend = fields.get("train"), fields.get("backend", "transformers")
    untrained = train is None or train == "none"
    return f"backend {backend}" if untrained and backend != "transformers" else f"train {train}"


def describe_judge_tag(tag: str) -> tuple[str, str]:
    """The key whose value makes a tag that no judge has, and what is wrong with it."""
    key, _, value = tag.partition(" ")
    if key not in _GENERATIVE:
        key, value = "kind", tag
    elif value == "None":
        return key, "Field required"
    return key, f"{value!r} is not one of {', '.join(map(repr, _GENERATIVE.get(key, _KINDS)))}"


JudgeConfig = Annotated[
    Annotated[OracleJudgeConfig, Tag("oracle")]
    | Annotated[LengthJudgeConfig, Tag("length")]
    | Annotated[PluginJudgeConfig, Tag("plugin")]
    | Annotated[ScalarJudgeConfig, Tag("scalar")]
    | Annotated[RewardModelJudgeConfig, Tag("scalar none")]
    | Annotated[UntrainedJudgeConfig, Tag("train none")]
    | Annotated[GenrmSFTConfig, Tag("train sft")]
    | Annotated[GenrmVerdictsConfig, Tag("train verdicts")]
    | Annotated[GenrmProbeConfig, Tag("train probe")]
    | Annotated[GenrmGRPOConfig, Tag("train grpo")]
    | Annotated[EndpointJudgeConfig, Tag("backend openai")]
    | Annotated[WorldTeacherConfig, Tag("backend world")]
    | Annotated[RecordedTeacherConfig, Tag("backend file")],
    Discriminator(_judge_tag),
]


def scores_alone(judge: JudgeConfig) -> bool:
    """True if a judge's score of a story does not depend on another story."""
    pointwise = isinstance(judge, GenerativeJudgeConfig | PluginJudgeConfig) and judge.reads == "story"
    scalar = isinstance(judge, ScalarJudgeConfig | RewardModelJudgeConfig)
    return pointwise or scalar or isinstance(judge, LengthJudgeConfig | OracleJudgeConfig)


def knows_world_alone(judge: JudgeConfig) -> bool:
    """True if a judge reads the stories of the tiny world by its grammar, and no others."""
    return isinstance(judge, OracleJudgeConfig | WorldTeacherConfig)

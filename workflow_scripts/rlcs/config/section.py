"""The base of all sections of the config, and the option names of the pinned TRL release.

``trl_options.json`` holds the names, so that a misspelt option is found while the workflow is planned,
without importing TRL.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

# Options that the workflow sets itself, so that every number can be traced and every path is known.
RESERVED_OPTIONS = {
    "output_dir",
    "seed",
    "data_seed",
    "report_to",
    "resume_from_checkpoint",
    "trust_remote_code",
}

TRL_GROUP_SIZE = 8  # TRL's default of num_generations


@cache
def trl_options() -> dict[str, list[str]]:
    """Option names by TRL config class."""
    options: dict[str, list[str]] = json.loads(Path(__file__).with_name("trl_options.json").read_text())
    return options


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name; empty if no known one is like it."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _check_options(trl_class: str) -> AfterValidator:
    def check(options: dict[str, Any]) -> dict[str, Any]:
        known = trl_options()[trl_class]
        for name in options:
            if name in RESERVED_OPTIONS:
                hint = "; the run's key tracking names the tracker" if name == "report_to" else ""
                raise ValueError(f"{name!r} is set by the workflow and cannot be configured{hint}")
            if name not in known:
                raise ValueError(f"{name!r} is not an option of TRL's {trl_class}{did_you_mean(name, known)}")
        return options

    return AfterValidator(check)


def _check_reference(options: dict[str, Any]) -> dict[str, Any]:
    if options.get("sync_ref_model"):
        raise ValueError(
            "'sync_ref_model' moves the reference model during training, and no checkpoint holds it: a "
            "resumed training would end with other weights; leave it out"
        )
    return options


# Values with which these options of sampling leave all tokens in.
_NEUTRAL: dict[str, tuple[Any, ...]] = {"top_p": (None, 1), "top_k": (None, 0, -1), "min_p": (None, 0)}


def _check_truncated_sampling(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse options of sampling with which TRL 1.16 misreads vLLM's log probabilities (trl issue 6789)."""
    if not options.get("use_vllm") or options.get("vllm_importance_sampling_correction") is False:
        return options
    sampling = {**options, **(options.get("generation_kwargs") or {})}
    if truncating := [name for name, neutral in _NEUTRAL.items() if sampling.get(name) not in neutral]:
        names = " and ".join(truncating)
        raise ValueError(
            f"{names} with use_vllm: vLLM's log probabilities are those among the tokens that {names} keeps, "
            "TRL's are those among all tokens, so the importance ratio is too small by the kept probability "
            f"mass (huggingface/trl#6789); leave {names} out, or set use_vllm to false, or "
            "vllm_importance_sampling_correction to false"
        )
    return options


def _check_file(value: Any) -> Any:
    if value == "":  # it would be the working directory
        raise ValueError("an empty path names no file; leave the key out")
    return value


def _check_distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError(f"{values} has a value twice")
    return values


SFTOptions = Annotated[dict[str, Any], _check_options("SFTConfig")]
GRPOOptions = Annotated[
    dict[str, Any],
    _check_options("GRPOConfig"),
    AfterValidator(_check_reference),
    AfterValidator(_check_truncated_sampling),
]
DPOOptions = Annotated[dict[str, Any], _check_options("DPOConfig"), AfterValidator(_check_reference)]
RewardOptions = Annotated[dict[str, Any], _check_options("RewardConfig")]
SharedOptions = Annotated[dict[str, Any], _check_options("TrainingArguments")]
File = Annotated[Path, BeforeValidator(_check_file)]
Distinct = AfterValidator(_check_distinct)
Names = Annotated[list[Name], Distinct]
Seeds = Annotated[list[int], Distinct]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _note_keys(cls, value: Any, info: ValidationInfo) -> Any:
        cls.note_keys(value, info)
        return value

    @classmethod
    def note_keys(cls, value: Any, info: ValidationInfo) -> None:
        """Put this section's keys into the context, under the id of what is read: for hints in messages."""
        if info.context is not None:
            info.context[id(value)] = [field.alias or name for name, field in cls.model_fields.items()]


class ModelConfig(Section):
    """The entry of a judge, verifier or policy, and the entries that its weights come from."""

    @property
    def base_name(self) -> str | None:
        """The base that it names."""
        return getattr(self, "base", None)

    @property
    def parent_name(self) -> str | None:
        """The entry of the same registry that it starts from."""
        return getattr(self, "parent", None)

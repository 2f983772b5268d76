"""The shape of a decoder, as its config.json states it, and where it is found without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from rlcs.options import Section


class Shape(Section):
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


def of_config(config: Mapping[str, Any]) -> Shape | None:
    """The shape in a config.json; None where it is not that of a decoder of this kind."""
    said = {name: config[name] for name in Shape.model_fields if config.get(name) is not None}
    said.setdefault("num_key_value_heads", said.get("num_attention_heads"))
    required = (name for name, field in Shape.model_fields.items() if field.is_required())
    return Shape.model_validate(said) if all(said.get(name) for name in required) else None


@cache
def known_shapes() -> dict[str, Shape]:
    """Of models that are often used, by their id on the hub, with and without -Instruct."""
    said = json.loads(Path(__file__).with_name("model_shapes.json").read_text(encoding="utf-8"))
    names: list[str] = said["names"]
    shapes = {model: dict(zip(names, sizes, strict=True)) for model, sizes in said["models"].items()}
    return {model: Shape.model_validate(sizes) for model, sizes in shapes.items()}


def known_shape(model: str, revision: str | None) -> Shape | None:
    """Of a folder or a hub id: from its config.json, here or in the hub's cache, or from the known ones."""
    from huggingface_hub import try_to_load_from_cache

    file: object = Path(model) / "config.json"
    if isinstance(file, Path) and not file.is_file():
        file = try_to_load_from_cache(model, "config.json", revision=revision) if "/" in model else None
    if isinstance(file, str | Path):
        return of_config(json.loads(Path(file).read_text(encoding="utf-8")))
    return known_shapes().get(model.removesuffix("-Instruct"))

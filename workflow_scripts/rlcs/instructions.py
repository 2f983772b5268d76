"""Prompts with instructions to follow, in the shape of IFEval's ``input_data.jsonl``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from rlcs.constraints.ifeval import constraint_of
from rlcs.records import Constraint
from rlcs.stage import InputError


class _Line(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True)  # type: ignore[misc]

    key: int | str
    prompt: Annotated[str, Field(min_length=1)]
    instruction_id_list: Annotated[list[str], Field(min_length=1)]
    kwargs: list[dict[str, Any]]


_LINE = TypeAdapter(_Line)


@dataclass(frozen=True)
class Prompt:
    """A prompt and its instructions by id; None where the instruction is no constraint of ours."""

    key: str
    text: str
    constraints: tuple[tuple[str, Constraint | None], ...]


def read_prompts(path: Path) -> list[Prompt]:
    """Prompts in the file's order.

    Raises:
        InputError: a line that cannot be read, a key that stands twice, or no line at all.
    """
    prompts = list(_prompts(path))
    if not prompts:
        raise InputError(f"{path} has no prompts")
    return prompts


def _prompts(path: Path) -> Iterator[Prompt]:
    keys = set()
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                line = _LINE.validate_json(text)
                instructions = zip(line["instruction_id_list"], line["kwargs"], strict=True)
                constraints = tuple((name, constraint_of(name, given)) for name, given in instructions)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join(map(str, problem["loc"]))
                raise InputError(f"{path}, line {number}: {where or 'line'}: {problem['msg']}") from None
            except ValueError as error:
                raise InputError(f"{path}, line {number}: {error}") from None
            if line["key"] in keys:
                raise InputError(f"{path}, line {number}: the key {line['key']!r} stands in two lines")
            keys.add(line["key"])
            yield Prompt(str(line["key"]), line["prompt"], constraints)

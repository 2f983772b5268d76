"""Prompts in the shape of IFEval's file (Zhou et al. 2023, arXiv 2311.07911; ``input_data.jsonl``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from rlcs.constraints.instructions import INSTRUCTIONS
from rlcs.constraints.registry import parse_constraint
from rlcs.errors import InputError
from rlcs.records import Constraint


def constraint_of(instruction_id: str, arguments: Mapping[str, Any]) -> Constraint | None:
    """The constraint of an instruction; None if IFEval has no such instruction.

    Raises:
        ValueError: a missing argument, or one that the kind refuses.
    """
    if instruction_id not in INSTRUCTIONS:
        return None
    given = {name: value for name, value in arguments.items() if value is not None}
    parse_constraint(constraint := Constraint(instruction_id, given))
    return constraint


class _Line(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True)  # type: ignore[misc]

    key: int | str
    prompt: Annotated[str, Field(min_length=1)]
    instruction_id_list: Annotated[list[str], Field(min_length=1)]
    kwargs: list[dict[str, Any]]


_LINE = TypeAdapter(_Line)


@dataclass(frozen=True)
class Prompt:
    """A prompt and its instructions by id; None if IFEval has no such instruction."""

    key: str
    text: str
    constraints: tuple[tuple[str, Constraint | None], ...]


def read_prompts(path: Path) -> list[Prompt]:
    """Read prompts in the file's order.

    Raises:
        InputError: a line that cannot be read, a key that stands twice, or no line at all.
    """
    prompts: dict[int | str, Prompt] = {}
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
            if line["key"] in prompts:
                raise InputError(f"{path}, line {number}: the key {line['key']!r} stands in two lines")
            prompts[line["key"]] = Prompt(str(line["key"]), line["prompt"], constraints)
    if not prompts:
        raise InputError(f"{path} has no prompts")
    return list(prompts.values())

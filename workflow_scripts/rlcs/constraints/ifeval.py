"""IFEval's instructions as constraints (Zhou et al. 2023, arXiv 2311.07911; ``input_data.jsonl``).

Differences from its code: other libraries count words and sentences (``text``); a keyword is found as a whole
word, not inside of others; a postscript begins a line; py3langid identifies the language.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from rlcs.constraints.registry import parse_constraint
from rlcs.errors import InputError
from rlcs.records import Constraint

Arguments = Mapping[str, Any]


def _bound(kind: str, n: int, relation: str, **parameters: Any) -> Constraint:
    """Constraint with one of IFEval's relations: at least n, or less than n.

    Raises:
        ValueError: another relation.
    """
    if relation not in ("at least", "less than"):
        raise ValueError(f"relation {relation!r} is neither 'at least' nor 'less than'")
    if relation == "at least":
        return Constraint(f"min_{kind}", {**parameters, "n": n})
    return Constraint(f"max_{kind}", {**parameters, "n": n - 1})


INSTRUCTIONS: dict[str, Callable[[Arguments], Constraint]] = {
    "keywords:existence": lambda a: Constraint("required_words", {"words": a["keywords"]}),
    "keywords:forbidden_words": lambda a: Constraint("forbidden_words", {"words": a["forbidden_words"]}),
    "keywords:frequency": lambda a: _bound(
        "occurrences", a["frequency"], a["relation"], phrase=a["keyword"].strip()
    ),
    "keywords:letter_frequency": lambda a: _bound(
        "letters", a["let_frequency"], a["let_relation"], letter=a["letter"]
    ),
    "language:response_language": lambda a: Constraint("language", {"code": a["language"]}),
    "length_constraints:number_words": lambda a: _bound("words", a["num_words"], a["relation"]),
    "length_constraints:number_sentences": lambda a: _bound("sentences", a["num_sentences"], a["relation"]),
    "length_constraints:number_paragraphs": lambda a: Constraint(
        "exact_parts", {"divider": "***", "n": a["num_paragraphs"]}
    ),
    "length_constraints:nth_paragraph_first_word": lambda a: Constraint(
        "paragraph_start",
        {"paragraphs": a["num_paragraphs"], "nth": a["nth_paragraph"], "word": a["first_word"].strip()},
    ),
    "detectable_content:number_placeholders": lambda a: Constraint(
        "min_placeholders", {"n": a["num_placeholders"]}
    ),
    "detectable_content:postscript": lambda a: Constraint(
        "postscript", {"marker": a["postscript_marker"].strip()}
    ),
    "detectable_format:number_bullet_lists": lambda a: Constraint(
        "exact_list_items", {"n": a["num_bullets"]}
    ),
    "detectable_format:number_highlighted_sections": lambda a: Constraint(
        "min_highlights", {"n": a["num_highlights"]}
    ),
    "detectable_format:multiple_sections": lambda a: Constraint(
        "min_sections", {"marker": a["section_spliter"].strip(), "n": a["num_sections"]}
    ),
    "detectable_format:title": lambda _: Constraint("title"),
    "combination:repeat_prompt": lambda a: Constraint("opening", {"text": a["prompt_to_repeat"].strip()}),
    "startend:end_checker": lambda a: Constraint("ending", {"text": a["end_phrase"].strip()}),
    "startend:quotation": lambda _: Constraint("quoted"),
    "change_case:capital_word_frequency": lambda a: _bound(
        "capital_words", a["capital_frequency"], a["capital_relation"]
    ),
    "change_case:english_capital": lambda _: Constraint("capitals"),
    "change_case:english_lowercase": lambda _: Constraint("lowercase"),
    "punctuation:no_comma": lambda _: Constraint("no_commas"),
}


def constraint_of(instruction_id: str, arguments: Arguments) -> Constraint | None:
    """The constraint of an instruction; None if there is no such kind, as for JSON or two answers.

    Raises:
        ValueError: a missing argument, or one that the kind refuses.
    """
    make = INSTRUCTIONS.get(instruction_id)
    if make is None:
        return None
    try:
        constraint = make({name: value for name, value in arguments.items() if value is not None})
    except KeyError as error:
        raise ValueError(f"{instruction_id} lacks the argument {error}") from None
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{instruction_id} has an argument of a wrong type: {error}") from None
    parse_constraint(constraint)
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
    """A prompt and its instructions by id; None if an instruction has no kind of constraint."""

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

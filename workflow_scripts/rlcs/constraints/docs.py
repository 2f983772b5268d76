"""Markdown tables of the kinds of constraints, made from the classes themselves."""

from collections.abc import Iterable
from typing import Any

from rlcs.constraints.instructions import INSTRUCTIONS
from rlcs.constraints.kind import ConstraintKind
from rlcs.constraints.measures import MEASURES, RELATIONS, counting_kinds
from rlcs.constraints.registry import KINDS


def markdown() -> str:
    """Tables of the kinds, of measures and relations, and of the instructions of IFEval."""
    counting = counting_kinds()
    single = [
        (f"`{name}`", _parameters(kind), _meaning(kind), _example(kind))
        for name, kind in KINDS.items()
        if name not in counting | INSTRUCTIONS
    ]
    measures = [
        (f"`{name}`", _parameters(measure), _meaning(measure), _example(counting[f"exact_{name}"]))
        for name, measure in MEASURES.items()
    ]
    relations = [
        (f"`{name}_`…", _parameters(relation), _meaning(relation), _example(counting[f"{name}_words"]))
        for name, relation in RELATIONS.items()
    ]
    instructions = [
        (f"`{name}`", _parameters(kind), _meaning(kind), _example(kind))
        for name, kind in INSTRUCTIONS.items()
    ]
    return "\n\n".join(
        [
            "## Kinds",
            _table(("kind", "parameters", "satisfied if", "instruction"), single),
            "## Kinds that count",
            "A relation and a measure make a kind, such as `max_sentences` or `between_words`; its "
            "parameters are those of both.",
            _table(("measure", "own parameters", "counts", "instruction with exact"), measures),
            _table(
                ("relation", "parameters", "satisfied if the count is", "instruction with words"), relations
            ),
            "## Instructions of IFEval",
            "They are kinds too, with the rules of IFEval's own code.",
            _table(("kind", "parameters", "satisfied if", "instruction"), instructions),
        ]
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * 4, *map(list, rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _meaning(kind: type[ConstraintKind]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0].replace("``", "`")


def _parameters(kind: type[ConstraintKind]) -> str:
    described = kind.model_json_schema().get("properties", {})
    return ", ".join(f"`{name}`: {_type(schema)}" for name, schema in described.items()) or "none"


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    if schema["type"] == "integer":
        return f"integer ≥ {schema['minimum']}"
    return "letter" if schema.get("maxLength") == 1 else "text"


def _example(kind: type[ConstraintKind]) -> str:
    """The instruction with the parameters' names instead of values."""
    schemas = kind.model_json_schema().get("properties", {})
    names: dict[str, Any] = {
        name: [name.upper()] if schema.get("type") == "array" else name.upper()
        for name, schema in schemas.items()
    }
    return f"`{kind.model_construct(None, **names).instruction()}`"

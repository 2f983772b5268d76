"""Made-up rows in a data set's own columns, for the rehearsal of a run whose data is not at hand."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from rlcs.config.sources import SourceConfig
from rlcs.data.made_up_texts import made_up_prompt, made_up_story

_PER_PROMPT = 2  # pairs or ratings that share a prompt


def made_up_rows(data: SourceConfig, count: int, rng: Random) -> list[dict[str, Any]]:
    """Rows of the config's format, whose preferred stories are longer."""
    makers = {"pairs": _pair, "chosen_rejected": _chosen, "best_of": _best_of, "ratings": _rating}
    rows = []
    for number in range(count):
        task = number // _PER_PROMPT
        # a column that is renamed must be there
        row = dict.fromkeys(data.columns, "") | {"prompt": made_up_prompt(task)}
        row |= makers[data.format](data, rng, number)
        rows.append(_named(row, data.columns))
    return rows


def _named(row: Mapping[str, Any], columns: Mapping[str, str | list[str]]) -> dict[str, Any]:
    """The row by the names of the columns; of several columns for a field, each has one of its values."""
    named: dict[str, Any] = {}
    for field, value in row.items():
        column = columns.get(field, field)
        if isinstance(column, str):
            named[column] = value
        else:
            named |= dict(zip(column, value, strict=False))
    return named


def _pair(_data: SourceConfig, rng: Random, _number: int) -> dict[str, Any]:
    stories = made_up_story(rng, rng.randint(3, 6)), made_up_story(rng, rng.randint(1, 3))
    label = rng.choice("ab")
    first, second = stories if label == "a" else stories[::-1]
    return {"story_a": first, "story_b": second, "label": label}


def _chosen(_data: SourceConfig, rng: Random, _number: int) -> dict[str, Any]:
    return {
        "chosen": made_up_story(rng, rng.randint(3, 6)),
        "rejected": made_up_story(rng, rng.randint(1, 3)),
    }


def _best_of(data: SourceConfig, rng: Random, _number: int) -> dict[str, Any]:
    """One chosen story and three rejected ones, or as many as there are columns."""
    stories = {}
    for field, usual, sentences in (("chosen", 1, (3, 6)), ("rejected", 3, (1, 3))):
        columns = data.columns.get(field)
        number = len(columns) if isinstance(columns, list) else usual
        stories[field] = [made_up_story(rng, rng.randint(*sentences)) for _ in range(number)]
    return stories


def _rating(data: SourceConfig, rng: Random, number: int) -> dict[str, Any]:
    sentences = (
        1 + 3 * (number % _PER_PROMPT) + rng.randrange(3)
    )  # no two stories of a prompt are rated alike
    return {"story": made_up_story(rng, sentences)} | dict.fromkeys(data.ratings.columns, sentences)


def made_up_instructions() -> list[dict[str, Any]]:
    """Prompts with instructions, in the format of IFEval's input_data.jsonl."""
    asked = [
        ("Write about the rain in less than 20 words.", "length_constraints:number_words"),
        ("Write about a mill without a comma.", "punctuation:no_comma"),
        ("Write about a wolf in lowercase letters.", "change_case:english_lowercase"),
    ]
    arguments: list[dict[str, Any]] = [{"relation": "less than", "num_words": 20}, {}, {}]
    return [
        {"key": number, "prompt": prompt, "instruction_id_list": [instruction], "kwargs": [given]}
        for number, ((prompt, instruction), given) in enumerate(zip(asked, arguments, strict=True))
    ]

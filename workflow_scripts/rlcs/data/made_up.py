"""Made-up rows in a data set's own columns, for the rehearsal of a run whose data is not at hand."""

from __future__ import annotations

from random import Random
from typing import Any

from rlcs.config.data import DataConfig
from rlcs.data.made_up_texts import made_up_prompt, made_up_story

_PER_PROMPT = 2  # pairs or ratings that share a prompt


def made_up_rows(data: DataConfig, count: int, rng: Random) -> list[dict[str, Any]]:
    """Rows of the config's format, whose preferred stories are longer."""
    makers = {"pairs": _pair, "chosen_rejected": _chosen, "ratings": _rating}
    rows = []
    for number in range(count):
        task = number // _PER_PROMPT
        row = {"prompt": made_up_prompt(task), **makers[data.format](data, rng, number)}
        rows.append({data.columns.get(field, field): value for field, value in row.items()})
    return rows


def _pair(_data: DataConfig, rng: Random, _number: int) -> dict[str, Any]:
    stories = made_up_story(rng, rng.randint(3, 6)), made_up_story(rng, rng.randint(1, 3))
    label = rng.choice("ab")
    first, second = stories if label == "a" else stories[::-1]
    return {"story_a": first, "story_b": second, "label": label}


def _chosen(_data: DataConfig, rng: Random, _number: int) -> dict[str, Any]:
    return {
        "chosen": made_up_story(rng, rng.randint(3, 6)),
        "rejected": made_up_story(rng, rng.randint(1, 3)),
    }


def _rating(data: DataConfig, rng: Random, number: int) -> dict[str, Any]:
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

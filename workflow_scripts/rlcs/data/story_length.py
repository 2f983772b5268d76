"""Stories that are too long for the models: set aside or truncated, by the rule that the config names."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate
from math import ceil
from typing import Any

from pydantic_core import PydanticCustomError

from rlcs import text as texts
from rlcs.config.sources import StoryLengthConfig
from rlcs.data.rows import RawRow, story_list
from rlcs.data.values import STORY_COLUMNS

LEAST_SHARE = 0.5
"""Least share of the allowed words that a truncated story keeps. Design choice: half."""

_LOOKAHEAD = 200
"""Characters behind the limit that tell whether a sentence ends there; "Mr." ends none."""


def truncate(story: str, max_words: int) -> str:
    """Truncate a story to at most ``max_words`` words.

    It ends with the last sentence that ends within them, else with the last line, else with the last word. A
    sentence or a line must leave ``LEAST_SHARE`` of the words.
    """
    words = texts.first_word_ends(story, max_words + 1)
    if len(words) <= max_words:
        return story
    least, last, too_far = (words[n - 1] for n in (ceil(LEAST_SHARE * max_words), max_words, max_words + 1))
    sentences = texts.sentence_ends(story[: too_far + _LOOKAHEAD])
    lines = [end - 1 for end in accumulate(len(line) + 1 for line in story[:too_far].split("\n"))]
    for ends in (sentences, lines):
        fitting = [end for end in ends if least <= end < too_far]
        # "A.A" is one word, and a sentence may end in it
        while fitting and fitting[-1] > last and texts.word_count(story[last : fitting[-1]]):
            fitting.pop()
        if fitting:
            return story[: fitting[-1]].rstrip()
    return story[:last]


def limit_length(
    rows: Iterable[RawRow], rule: StoryLengthConfig | None, *, lists: bool = False
) -> tuple[list[RawRow], int]:
    """Apply the rule of story lengths to rows.

    Args:
        lists: a field has a list of stories, which may be JSON. One that cannot be read stays as it is.

    Returns:
        The rows, of which those with a story that is too long are truncated or say so as their defect; the
        number of truncated stories.
    """
    if rule is None:
        return list(rows), 0
    limited, truncated = [], 0
    for raw in rows:
        stories = {name: (raw.values or {}).get(name) for name in STORY_COLUMNS}
        if lists:
            stories = {name: _listed(value) for name, value in stories.items()}
        long = {name: number for name, value in stories.items() if (number := _too_long(value, rule))}
        if long and rule.too_long == "truncate":
            truncated += sum(long.values())
            shorter = {name: _truncated(stories[name], rule) for name in long}
            raw = replace(raw, values={**(raw.values or {}), **shorter})
        elif long:
            raw = replace(raw, values=None, defect=f"story of more than {rule.max_words} words")
        limited.append(raw)
    return limited, truncated


def _listed(value: Any) -> Any:
    try:
        return story_list(value)
    except PydanticCustomError:
        return None


def _too_long(value: Any, rule: StoryLengthConfig) -> int:
    """Count the stories in the value of a field that are too long."""
    stories = value if isinstance(value, list) else [value]
    return sum(isinstance(story, str) and texts.has_more_words(story, rule.max_words) for story in stories)


def _truncated(value: Any, rule: StoryLengthConfig) -> Any:
    if isinstance(value, list):
        return [_truncated(story, rule) for story in value]
    return truncate(value, rule.max_words) if isinstance(value, str) else value

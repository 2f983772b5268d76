"""Stories that are too long for the models: set aside or truncated, by the rule that the config names."""

import re
from collections.abc import Iterable
from dataclasses import replace

from rlcs.config.data import StoryLengthConfig
from rlcs.data.rows import RawRow
from rlcs.data.values import STORY_COLUMNS

_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*(?=\s|$)")


def truncate(story: str, max_words: int) -> str:
    """Truncate a story to at most ``max_words`` words between white space.

    It ends with the last sentence that ends within them, or with the last of them if no sentence ends.
    """
    words = list(_WORD.finditer(story))
    if len(words) <= max_words:
        return story
    head = story[: words[max_words - 1].end()]
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    return head[: ends[-1]] if ends else head


def limit_length(rows: Iterable[RawRow], rule: StoryLengthConfig | None) -> tuple[list[RawRow], int]:
    """Apply the rule of story lengths to rows.

    Returns:
        The rows, of which those with a story that is too long are truncated or say so as their defect; the
        number of truncated stories.
    """
    if rule is None:
        return list(rows), 0
    limited, truncated = [], 0
    for raw in rows:
        stories = {name: (raw.values or {}).get(name) for name in STORY_COLUMNS}
        long = {
            name: story
            for name, story in stories.items()
            if isinstance(story, str) and len(_WORD.findall(story)) > rule.max_words
        }
        if long and rule.too_long == "truncate":
            truncated += len(long)
            shorter = {name: truncate(story, rule.max_words) for name, story in long.items()}
            raw = replace(raw, values={**(raw.values or {}), **shorter})
        elif long:
            raw = replace(raw, values=None, defect=f"story of more than {rule.max_words} words")
        limited.append(raw)
    return limited, truncated

"""Stories that are too long for what follows: set aside or cut, by the rule that the config names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from rlcs.config.data import StoryLengthConfig
from rlcs.data.rows import RawRow

STORIES = ("story_a", "story_b", "chosen", "rejected", "story")

_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*(?=\s|$)")


def cut(story: str, most: int) -> str:
    """A story of at most ``most`` words between white space: up to the last sentence's end within them, or
    up to the last of them where no sentence ends."""
    words = list(_WORD.finditer(story))
    if len(words) <= most:
        return story
    head = story[: words[most - 1].end()]
    ends = [found.end() for found in _SENTENCE_END.finditer(head)]
    return head[: ends[-1]] if ends else head


def within_words(rows: Iterable[RawRow], rule: StoryLengthConfig | None) -> tuple[list[RawRow], int]:
    """Rows whose stories keep the rule, or that say why not, and the number of stories that were cut."""
    if rule is None:
        return list(rows), 0
    kept, cuts = [], 0
    for raw in rows:
        stories = {name: (raw.values or {}).get(name) for name in STORIES}
        long = {
            name: story
            for name, story in stories.items()
            if isinstance(story, str) and len(_WORD.findall(story)) > rule.max_words
        }
        if long and rule.too_long == "truncate":
            cuts += len(long)
            shorter = {name: cut(story, rule.max_words) for name, story in long.items()}
            raw = replace(raw, values={**(raw.values or {}), **shorter})
        elif long:
            raw = replace(raw, values=None, defect=f"story of more than {rule.max_words} words")
        kept.append(raw)
    return kept, cuts

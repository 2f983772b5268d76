"""Marks of data that can be used but may not be what was meant: each is counted, and nothing is changed."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from rlcs.records import Context, Split
from rlcs.text import premise_key, text_key

_HTML = re.compile(
    r"</?(?:br|p|div|span|i|b|em|strong|a|li|ul|h[1-6])\b[^<>]*>|&(?:amp|lt|gt|quot|nbsp|#\d+);", re.I
)
_TOKEN = re.compile(r"<newline>|<\|?endoftext\|?>|</?s>", re.I)
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
_STRUCTURE = re.compile(r"""\s*(?:\[\s*["'{].*\]|\{\s*["'].*\})\s*""", re.DOTALL)
_REMOVED = ("[removed]", "[deleted]")


def is_removed(story: str) -> bool:
    """True if a story is what Reddit shows in place of a comment that was deleted."""
    return len(story) < 20 and story.strip().casefold() in _REMOVED


def count_oddities(contexts: Mapping[str, Context], pairs: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count pairs by what is odd about them; what is not there is left out.

    Args:
        contexts: by id.
        pairs: rows of PAIRS or UNLABELLED.
    """
    counts: dict[str, int] = defaultdict(int)
    splits: dict[frozenset[int], set[Split]] = defaultdict(set)
    number: dict[frozenset[int], int] = defaultdict(int)
    for pair in pairs:
        context = contexts[pair["context_id"]]
        stories = (pair["story_a"], pair["story_b"])
        for kind in {kind for story in stories for kind in _oddities(story, context.outline)}:
            counts[kind] += 1
        key = frozenset(map(hash, stories))  # of texts, since keys of all spellings cost seconds
        splits[key].add(context.split)
        number[key] += 1
    counts["the same two stories in two splits"] = sum(number[key] for key in splits if len(splits[key]) > 1)
    return {kind: count for kind, count in counts.items() if count}


def one_sided_labels(labels: Counter[str]) -> str | None:
    """Say what to do if one of a and b is never preferred; None if both are, or neither.

    Args:
        labels: number of pairs by label.
    """
    preferred = [label for label in ("a", "b") if labels[label]]
    if len(preferred) != 1:
        return None
    chosen = preferred[0]
    other = "b" if chosen == "a" else "a"
    return (
        f"every label prefers story {chosen}. If the file names the preferred story first, say so: "
        f"data: {{format: chosen_rejected, columns: {{chosen: story_{chosen}, rejected: story_{other}}}}}"
    )


def _oddities(story: str, outline: str) -> Iterable[str]:
    if "<" in story or "&" in story:
        if _HTML.search(story):
            yield "HTML in a story"
        if _TOKEN.search(story):
            yield "tokens such as <newline> in a story"
    if is_removed(story):
        yield "a story that is [removed] or [deleted]"
    if _STRUCTURE.fullmatch(story):
        yield "a list or an object in the place of a story's text"
    if not story.isascii() and _INVISIBLE.search(story):
        yield "zero-width characters in a story"
    start = premise_key(outline)
    # twice the prompt's length is enough to hold it in another spelling
    if start and text_key(story[: 2 * len(outline) + 50]).startswith(start):
        yield "a story that begins with its prompt"

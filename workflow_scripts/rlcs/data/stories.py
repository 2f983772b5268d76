"""Stories that no model of this run wrote, as one more system of the win rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rlcs.data.files import Found
from rlcs.records import Context
from rlcs.text import words


class UnusableStories(ValueError):
    """Rows of a file of stories that cannot be used; the message counts them by reason."""


def read_stories(
    records: Iterable[Found], contexts: Mapping[str, Context], policy: str, seed: int
) -> list[dict[str, Any]]:
    """Rows of STORIES for held-out contexts, in the file's order; rows of a context are its samples.

    Stories for contexts of other splits are left out. Their tokens are counted as words.

    Args:
        records: of ``files.read_records``.

    Raises:
        UnusableStories: a row that cannot be read, without a known context or without a text; or no story for
            a held-out context.
    """
    rows: list[dict[str, Any]] = []
    wrong: Counter[str] = Counter()
    first: dict[str, int] = {}
    samples: Counter[str] = Counter()
    for line, _, found in records:
        if reason := _unusable(found, contexts):
            wrong[reason] += 1
            first.setdefault(reason, line)
            continue
        assert isinstance(found, dict)
        context_id, text = found["context_id"], found["text"]
        if contexts[context_id].split == "test":
            rows.append(
                {
                    "context_id": context_id,
                    "policy": policy,
                    "sample": samples[context_id],
                    "seed": seed,
                    "text": text,
                    "tokens": len(words(text)),
                    "truncated": False,
                }
            )
            samples[context_id] += 1
    if wrong:
        said = ", ".join(f"{n} x {reason} (first in line {first[reason]})" for reason, n in wrong.items())
        raise UnusableStories(f"stories of {policy!r} cannot be used: {said}")
    if not rows:
        raise UnusableStories(f"none of the stories of {policy!r} is for a held-out context")
    return rows


def _unusable(found: dict[str, Any] | str, contexts: Mapping[str, Context]) -> str | None:
    if isinstance(found, str):
        return found
    for field in ("context_id", "text"):
        if not isinstance(found.get(field), str) or not found[field].strip():
            return f"no {field}"
    return None if found["context_id"] in contexts else "unknown context_id"

"""Stories from a file, which no model of this run wrote, as one more system of the win rates."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlcs.data.files import read_records
from rlcs.errors import InputError
from rlcs.records import Context
from rlcs.text import word_count


def read_stories(file: Path, contexts: Mapping[str, Context], policy: str, seed: int) -> list[dict[str, Any]]:
    """Read rows of STORIES for held-out contexts, in the file's order; rows of a context are its samples.

    Stories for contexts of other splits are left out. Tokens are counted as words.

    Args:
        file: JSONL, CSV or Parquet with the columns ``context_id`` and ``text``.

    Raises:
        InputError: a file or a row that cannot be read, a row without a known context or without a text (the
            message counts them by reason); or no story for a held-out context.
    """
    rows: list[dict[str, Any]] = []
    wrong: Counter[str] = Counter()
    first: dict[str, int] = {}
    samples: Counter[str] = Counter()
    for line, _, values in read_records(file):
        if reason := _defect(values, contexts):
            wrong[reason] += 1
            first.setdefault(reason, line)
            continue
        assert isinstance(values, dict)
        context_id, text = values["context_id"], values["text"]
        if contexts[context_id].split == "test":
            rows.append(
                {
                    "context_id": context_id,
                    "policy": policy,
                    "sample": samples[context_id],
                    "seed": seed,
                    "text": text,
                    "tokens": word_count(text),
                    "truncated": False,
                }
            )
            samples[context_id] += 1
    if wrong:
        counts = ", ".join(f"{n} x {reason} (first in line {first[reason]})" for reason, n in wrong.items())
        raise InputError(f"{file}: stories of {policy!r} cannot be used: {counts}")
    if not rows:
        raise InputError(f"{file}: none of the stories of {policy!r} is for a held-out context")
    return rows


def _defect(values: dict[str, Any] | str, contexts: Mapping[str, Context]) -> str | None:
    """The reason why a row cannot be used; None if it can."""
    if isinstance(values, str):
        return values
    for field in ("context_id", "text"):
        if not isinstance(values.get(field), str) or not values[field].strip():
            return f"no {field}"
    return None if values["context_id"] in contexts else "unknown context_id"

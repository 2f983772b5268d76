"""Checking the preferences of strangers: a row is used, or quarantined with line and reason (DESIGN §4).

``preference_files`` reads the rows, ``preference_rows`` has their shape.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from rlcs.data.rows import MOST_VOTES, ContextRow, PairRow, RawRow, parse, quarantined
from rlcs.data.votes import majority_label, soft_label
from rlcs.records import HUMAN, LABELS, SPLITS, Context, Label, Split

# What to do about the commonest reasons, by the words that they begin with.
HINTS = {
    "missing": "Columns of other names are told by data.columns, such as {story_a: first}",
    "unknown label": f"A label is one of {', '.join(LABELS)}",
    "unknown split": f"A split is one of {', '.join(SPLITS)}, or left out",
    "bad votes": f'Votes are counts such as {{"a": 3, "b": 1}}, of at most {MOST_VOTES:,} people, or a list '
    'such as ["a", "a", "b"]',
    "no context": "Every row needs a prompt, or an outline, characters or a previous_plot",
    "broken JSON": "A .jsonl file has one JSON object on each line",
    "story of more": "data.story_length says how long a story may be, and whether a longer one is cut",
}


class TooManyBadRows(ValueError):
    """More rows than the config allows cannot be used."""


class Validated(NamedTuple):
    """What can be used (each context has a pair) and what cannot: rows of the schemas in ``records``.

    ``len(annotations) + len(unlabelled) + len(quarantine)`` is the number of rows read, where none of them
    has ``votes``, each of which is an annotation.
    """

    contexts: list[Context]
    pairs: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    unlabelled: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]


def validate(rows: Iterable[RawRow], shares: Mapping[Split, float], seed: int) -> Validated:
    """Split rows into usable ones and quarantine.

    Rows on the same two stories by other annotators are further votes on one pair: its label is their
    majority (``votes.majority_label``), and it names an annotator or a cohort where it has but one. A
    second row by the same annotator, by none, or without a label is a duplicate. Where a row has ``votes``
    and a label, the label is the pair's, whatever the majority.

    Of rows that contradict one another (a duplicate, another context or pair under the same id, another split
    for the same premise) the first is used; those with a label come before those without. A row without a
    split takes that which another row names for its premise, or one by hash (``validation.split_of``): one
    premise under two ids does not stand in two splits either.
    """
    parsed = [(raw, _parse(raw)) for raw in rows]
    splits: dict[str, Split] = {}
    for _, row in parsed:
        if isinstance(row, PairRow) and row.split:
            splits.setdefault(_premise(row), row.split)

    contexts: dict[str, Context] = {}
    pairs: dict[str, dict[str, Any]] = {}
    votes: dict[str, list[dict[str, Any]]] = {}
    stated: dict[str, dict[str, Any]] = {}
    compared: dict[tuple[str, frozenset[str]], str] = {}
    bad: dict[int, dict[str, Any]] = {}
    for place in sorted(range(len(parsed)), key=lambda place: not _is_labelled(parsed[place][1])):
        raw, row = parsed[place]
        if isinstance(row, PairRow):
            premise = _premise(row)
            context = _context(row, splits.get(premise) or split_of(premise, shares, seed))
            pair = _pair(row, context.context_id)
            stories = (context.context_id, frozenset((row.story_a, row.story_b)))
            known = compared.get(stories)
            if row.split and row.split != context.split:
                reason = "context in two splits"
            elif contexts.get(context.context_id, context) != context:
                reason = "context differs from an earlier one of the same id"
            elif known is None and pair["pair_id"] in pairs:
                reason = "pair differs from an earlier one of the same id"
            elif known is not None and not _is_further_vote(row, votes[known]):
                reason = "duplicate"
            else:
                contexts[context.context_id] = context
                first = pairs.setdefault(known or pair["pair_id"], pair)
                compared[stories] = first["pair_id"]
                own = votes.setdefault(first["pair_id"], [])
                own += [_vote(row, label, first) for label in _labels(row)]
                if row.votes and row.label:
                    stated[first["pair_id"]] = {"label": row.label}
                continue
        else:
            reason = row
        bad[place] = quarantined(raw, reason)
    return Validated(
        contexts=list(contexts.values()),
        pairs=[
            pair | _summary(own) | stated.get(name, {})
            for name, pair in pairs.items()
            if (own := votes[name])
        ],
        annotations=[vote for own in votes.values() for vote in own],
        unlabelled=[pair for name, pair in pairs.items() if not votes[name]],
        quarantine=[bad[place] for place in sorted(bad)],
    )


def _parse(raw: RawRow) -> PairRow | str:
    row = parse(raw, PairRow)
    if isinstance(row, str):
        return row
    if row.story_a.strip() == row.story_b.strip():
        return "identical stories"
    if row.outline and row.prompt:
        return "both outline and prompt"
    if not (row.context_id or row.characters or row.previous_plot or row.outline or row.prompt):
        return "no context"
    return row


def _is_further_vote(row: PairRow, votes: Sequence[Mapping[str, Any]]) -> bool:
    return bool(row.label and row.annotator) and all(vote["annotator"] != row.annotator for vote in votes)


def _labels(row: PairRow) -> list[Label]:
    """The votes of a row: those that it counts, else its label."""
    return row.votes or ([row.label] if row.label else [])


def _is_labelled(row: PairRow | str) -> bool:
    return isinstance(row, PairRow) and bool(_labels(row))


def _vote(row: PairRow, label: Label, pair: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ANNOTATIONS; its label speaks of the pair's a and b, whichever the annotator saw as a."""
    turned: dict[Label, Label] = {"a": "b", "b": "a", "tie": "tie"}
    return {
        "pair_id": pair["pair_id"],
        "label": label if row.story_a == pair["story_a"] else turned[label],
        "annotator": (row.annotator or None) if not row.votes else None,
        "cohort": row.cohort or None,
    }


def _summary(votes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a pair tells of its votes."""
    labels = [vote["label"] for vote in votes]
    cohorts = {vote["cohort"] for vote in votes}
    return {
        "label": majority_label(labels),
        "soft_label": soft_label(labels),
        "annotator": votes[0]["annotator"] if len(votes) == 1 else None,
        "cohort": cohorts.pop() if len(cohorts) == 1 else None,
    }


def summary(quarantine: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Number of quarantined rows by reason, the most frequent first."""
    return dict(Counter(row["reason"] for row in quarantine).most_common())


def check_share(read: int, quarantine: Sequence[Mapping[str, Any]], limit: float, file: Path | str) -> None:
    """Raises TooManyBadRows where no row was read or more than the share ``limit`` is in quarantine.

    ``file`` is where the quarantined rows can be looked at.
    """
    if read == 0:
        raise TooManyBadRows("the preferences have no rows")
    if len(quarantine) > limit * read:
        reasons = summary(quarantine)
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        hints = "".join(
            f"{hint}. " for start, hint in HINTS.items() if any(r.startswith(start) for r in reasons)
        )
        raise TooManyBadRows(
            f"{len(quarantine)} of {read} rows ({len(quarantine) / read:.1%}) cannot be used: {counts}. "
            f"{hints}At most {limit:.1%} may be lost (data.max_quarantine_share). Lines and reasons are in "
            f"{file}; correct the rows or raise the limit."
        )


def further_contexts(
    rows: Iterable[RawRow], known: Iterable[Context], shares: Mapping[Split, float], seed: int
) -> tuple[list[Context], list[dict[str, Any]]]:
    """Contexts without pairs, for policies alone, and the rows (of QUARANTINE) that cannot be used.

    Splits are made as in ``validate``. A premise or an id that is known already is a duplicate.
    """
    before = list(known)
    ids = {context.context_id for context in before}
    premises = {_text_digest(c.characters, c.previous_plot, c.outline) for c in before}
    contexts: list[Context] = []
    bad = []
    for raw in rows:
        row = parse(raw, ContextRow)
        if isinstance(row, str):
            bad.append(quarantined(raw, row))
            continue
        premise = _premise(row)
        context = _context(row, row.split or split_of(premise, shares, seed))
        if not premise or (row.outline and row.prompt):
            bad.append(quarantined(raw, "both outline and prompt" if premise else "no context"))
        elif premise in premises or context.context_id in ids:
            bad.append(quarantined(raw, "duplicate"))
        else:
            premises.add(premise)
            ids.add(context.context_id)
            contexts.append(context)
    return contexts, bad


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _premise(row: ContextRow) -> str:
    """What a split must not tear apart: the premise's text, or the context's id where it has none."""
    return _text_digest(row.characters, row.previous_plot, row.outline or row.prompt) or row.context_id


def _text_digest(*text: str) -> str:
    return _digest(*text) if any(text) else ""


def _context(row: ContextRow, split: Split) -> Context:
    fields = {
        "domain": row.domain or "story",
        "characters": row.characters,
        "previous_plot": row.previous_plot,
        "outline": row.outline or row.prompt,
    }
    stated = [(constraint.kind, dict(constraint.parameters)) for constraint in row.constraints]
    context_id = row.context_id or _digest(fields, stated)
    return Context(context_id=context_id, constraints=tuple(row.constraints), split=split, **fields)


def _pair(row: PairRow, context_id: str) -> dict[str, Any]:
    return {
        "pair_id": row.pair_id or _digest(context_id, row.story_a, row.story_b),
        "context_id": context_id,
        "story_a": row.story_a,
        "story_b": row.story_b,
        "source": row.source or HUMAN,
    }


def split_of(context_key: str, shares: Mapping[Split, float], seed: int) -> Split:
    """The split of a context, a function of its key, the shares and the seed alone.

    Raises:
        ValueError: an unknown split, a negative share, or shares that do not sum to 1.
    """
    if unknown := set(shares) - set(SPLITS):
        raise ValueError(f"unknown splits {sorted(unknown)}; known: {', '.join(SPLITS)}")
    if min(shares.values(), default=0) < 0 or not math.isclose(sum(shares.values()), 1):
        raise ValueError(f"shares {dict(shares)} must not be negative and must sum to 1")
    digest = hashlib.sha256(f"{seed} {context_key}".encode()).digest()
    position = int.from_bytes(digest[:6], "big") / 2**48
    some = [split for split in SPLITS if shares.get(split, 0) > 0]
    for split, end in zip(some, accumulate(shares[split] for split in some), strict=True):
        if position < end:
            return split
    return some[-1]  # the shares' sum was rounded to just below 1

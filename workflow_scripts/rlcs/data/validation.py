"""Validation of user-supplied preferences: a row is used, or quarantined with line and reason (docs/data.md).

``data.files`` reads the rows, ``data.rows`` has their shapes, and ``data.formats`` makes pairs of them.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from rlcs.data.rows import (
    ContextRow,
    PairRow,
    ParsedPair,
    RawRow,
    parse_row,
    premise_defect,
    to_quarantine,
)
from rlcs.data.votes import majority_label, soft_label
from rlcs.records import HUMAN, SPLITS, Context, Label, Split, digest
from rlcs.text import premise_key, same_text, text_key
from rlcs.verdict import swapped


class Validated(NamedTuple):
    """Rows that can be used (each context has a pair) and rows that cannot, in the schemas of ``records``.

    ``len(annotations) + len(unlabelled) + len(quarantine)`` is the number of rows read if none of them has
    ``votes``, each of which is an annotation.

    Attributes:
        left_out: number of ratings that are in no pair since no other story of their prompt was rated
            differently enough.
    """

    contexts: list[Context]
    pairs: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    unlabelled: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    left_out: int = 0


def validate(rows: Iterable[ParsedPair], shares: Mapping[Split, float], seed: int) -> Validated:
    """Split rows into usable ones and quarantine.

    Texts are the same whatever their spelling (``text.text_key``, ``text.premise_key``): premises in contexts
    and splits, stories in duplicates and votes. The first spelling is the one that is used.

    Rows on the same two stories by other annotators are further votes on one pair: its label is their
    majority (``votes.majority_label``), and it names an annotator or a cohort if it has but one. A
    second row by the same annotator, by none, or without a label is a duplicate. If a row has ``votes``
    and a label, the label is the pair's, whatever the majority.

    Of rows that contradict one another (a duplicate, another context or pair under the same id, another split
    for the same premise) the first is used; those with a label come before those without. A row without a
    split takes that which another row names for its premise, or one by hash (``validation.split_of``): one
    premise under two ids does not stand in two splits either.
    """
    parsed = [(raw, row if isinstance(row, str) else pair_defect(row) or row) for raw, row in rows]
    splits: dict[str, Split] = {}
    for _, row in parsed:
        if isinstance(row, PairRow) and row.split:
            splits.setdefault(_split_key(row), row.split)

    context_identities = {
        n: _context_identity(row) for n, (_, row) in enumerate(parsed) if isinstance(row, PairRow)
    }
    rows_of = Counter(context_identities.values())
    contexts: dict[str, Context] = {}
    pairs: dict[str, dict[str, Any]] = {}
    votes: dict[str, list[dict[str, Any]]] = {}
    stated: dict[str, dict[str, Any]] = {}
    compared: dict[tuple[str, frozenset[str]], str] = {}
    by_identity: dict[str, Context] = {}
    identities: dict[str, str] = {}
    first_stories: dict[str, str] = {}
    bad: dict[int, dict[str, Any]] = {}
    for index in sorted(range(len(parsed)), key=lambda index: not _is_labelled(parsed[index][1])):
        raw, row = parsed[index]
        if isinstance(row, PairRow):
            key = _split_key(row)
            context = make_context(row, splits.get(key) or split_of(key, shares, seed))
            identity = context_identities[index]
            context = by_identity.get(identity, context)
            pair = _pair(row, context.context_id)
            story_a, story_b = row.story_a, row.story_b
            if rows_of[identity] > 1:  # the only pair of its context has nothing to be compared with
                story_a, story_b = story_key(story_a), story_key(story_b)
            stories = (context.context_id, frozenset((story_a, story_b)))
            known = compared.get(stories)
            if row.split and row.split != context.split:
                reason = "context in two splits"
            elif identities.setdefault(context.context_id, identity) != identity:
                reason = "context differs from an earlier one of the same id"
            elif known is None and pair["pair_id"] in pairs:
                reason = "pair differs from an earlier one of the same id"
            elif known is not None and not _is_further_vote(row, votes[known]):
                turned = story_a != first_stories[known]
                again = {swapped(label) if turned else label for label in _labels(row)}
                known_labels = {vote["label"] for vote in votes[known]}
                reason = "duplicate" if again <= known_labels else "another label for the same pair"
            else:
                contexts[context.context_id] = by_identity[identity] = context
                first = pairs.setdefault(known or pair["pair_id"], pair)
                compared[stories] = first["pair_id"]
                turned = story_a != first_stories.setdefault(first["pair_id"], story_a)
                pair_votes = votes.setdefault(first["pair_id"], [])
                pair_votes += [_vote(row, label, first["pair_id"], turned) for label in _labels(row)]
                if row.votes and row.label:
                    stated[first["pair_id"]] = {"label": swapped(row.label) if turned else row.label}
                continue
        else:
            reason = row
        bad[index] = to_quarantine(raw, reason)
    return Validated(
        contexts=list(contexts.values()),
        pairs=[
            pair | _vote_summary(votes[pair_id]) | stated.get(pair_id, {})
            for pair_id, pair in pairs.items()
            if votes[pair_id]
        ],
        annotations=[vote for pair_votes in votes.values() for vote in pair_votes],
        unlabelled=[pair for pair_id, pair in pairs.items() if not votes[pair_id]],
        quarantine=[bad[index] for index in sorted(bad)],
    )


def pair_defect(row: PairRow) -> str | None:
    """The reason why a pair cannot be used; None if it can."""
    if same_text(row.story_a, row.story_b):
        return "identical stories"
    return premise_defect(row)


def _is_further_vote(row: PairRow, votes: Sequence[Mapping[str, Any]]) -> bool:
    return bool(row.label and row.annotator) and all(vote["annotator"] != row.annotator for vote in votes)


def _labels(row: PairRow) -> list[Label]:
    """The votes of a row: those that it counts, else its label."""
    return row.votes or ([row.label] if row.label else [])


def _is_labelled(row: PairRow | str) -> bool:
    return isinstance(row, PairRow) and bool(_labels(row))


def _vote(row: PairRow, label: Label, pair_id: str, turned: bool) -> dict[str, Any]:
    """A row of ANNOTATIONS; its label speaks of the pair's a and b, whichever the annotator saw as a."""
    return {
        "pair_id": pair_id,
        "label": swapped(label) if turned else label,
        "annotator": (row.annotator or None) if not row.votes else None,
        "cohort": row.cohort or None,
    }


def _vote_summary(votes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of a pair that come from its votes."""
    labels = [vote["label"] for vote in votes]
    cohorts = {vote["cohort"] for vote in votes}
    return {
        "label": majority_label(labels),
        "soft_label": soft_label(labels),
        "annotator": votes[0]["annotator"] if len(votes) == 1 else None,
        "cohort": cohorts.pop() if len(cohorts) == 1 else None,
    }


def validate_contexts(
    rows: Iterable[RawRow], known: Iterable[Context], shares: Mapping[Split, float], seed: int
) -> tuple[list[Context], list[dict[str, Any]]]:
    """Split rows of contexts without pairs, for policies alone, into contexts and rows of QUARANTINE.

    Splits are made as in ``validate``. A premise or an id that is known already is a duplicate.
    """
    before = list(known)
    ids = {context.context_id for context in before}
    keys = {_premise_key(context.premise) for context in before}
    contexts: list[Context] = []
    bad = []
    for raw in rows:
        row = parse_row(raw, ContextRow)
        if isinstance(row, str):
            bad.append(to_quarantine(raw, row))
            continue
        key = _split_key(row)
        context = make_context(row, row.split or split_of(key, shares, seed))
        if defect := premise_defect(row):
            bad.append(to_quarantine(raw, defect))
        elif key in keys or context.context_id in ids:
            bad.append(to_quarantine(raw, "duplicate"))
        else:
            keys.add(key)
            ids.add(context.context_id)
            contexts.append(context)
    return contexts, bad


def _split_key(row: ContextRow) -> str:
    """The key that decides a split: of the premise, or the context's id if the row has no premise."""
    return _premise_key(row.premise) or row.context_id


def _premise_key(premise: tuple[str, str, str]) -> str:
    return digest(*map(premise_key, premise)) if any(premise) else ""


def story_key(story: str) -> str:
    """Hash of a story's ``text_key``, since the keys of all stories would be as large as the data."""
    return hashlib.blake2b(text_key(story).encode(), digest_size=16).hexdigest()


def _context_identity(row: ContextRow) -> str:
    """Key that two rows' contexts have in common if they are one, whatever their spelling."""
    constraints = [(constraint.kind, dict(constraint.parameters)) for constraint in row.constraints]
    return digest(row.context_id, row.domain or "story", _premise_key(row.premise), constraints)


def make_context(row: ContextRow, split: Split) -> Context:
    """Make the context of a row; without an id of its own it has a hash of its content."""
    characters, previous_plot, outline = row.premise
    fields = {
        "domain": row.domain or "story",
        "characters": characters,
        "previous_plot": previous_plot,
        "outline": outline,
    }
    constraints = [(constraint.kind, dict(constraint.parameters)) for constraint in row.constraints]
    context_id = row.context_id or digest(fields, constraints)
    return Context(context_id=context_id, constraints=tuple(row.constraints), split=split, **fields)


def _pair(row: PairRow, context_id: str) -> dict[str, Any]:
    return {
        "pair_id": row.pair_id or digest(context_id, row.story_a, row.story_b),
        "context_id": context_id,
        "story_a": row.story_a,
        "story_b": row.story_b,
        "source": row.source or HUMAN,
    }


def split_of(key: str, shares: Mapping[Split, float], seed: int) -> Split:
    """The split of a context, a function of its key, the shares and the seed alone.

    Raises:
        ValueError: an unknown split, a negative share, or shares that do not sum to 1.
    """
    if unknown := set(shares) - set(SPLITS):
        raise ValueError(f"unknown splits {sorted(unknown)}; known: {', '.join(SPLITS)}")
    if min(shares.values(), default=0) < 0 or not math.isclose(sum(shares.values()), 1):
        raise ValueError(f"shares {dict(shares)} must not be negative and must sum to 1")
    hash_bytes = hashlib.sha256(f"{seed} {key}".encode()).digest()
    position = int.from_bytes(hash_bytes[:6], "big") / 2**48
    used = [split for split in SPLITS if shares.get(split, 0) > 0]
    for split, end in zip(used, accumulate(shares[split] for split in used), strict=True):
        if position < end:
            return split
    return used[-1]  # the shares' sum was rounded to just below 1

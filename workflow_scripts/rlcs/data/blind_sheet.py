"""People compare the policies' stories without knowing who wrote which: pairs, votes, and the table."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from random import Random
from typing import Any

from rlcs.data.matches import Stories, matches_of, pairs_of
from rlcs.data.rows import PairRow, RawRow, parse
from rlcs.records import HUMAN, Context, Label, Row

_TURNED: dict[str, Label] = {"a": "b", "b": "a", "tie": "tie"}


def blind_pairs(
    stories: Stories, policies: Sequence[str], reference: str, count: int, seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Pairs of a story of the reference and one of another policy, and the key that says whose they are.

    As many pairs of each policy as there are; pairs, order and sides are drawn at random. Two equal stories
    are not compared, and no two stories twice.

    Returns:
        Rows of MATCHES, ``match_id`` being the pair's id, whose ``policy_a`` wrote ``story_a``; rows of
        UNLABELLED. An id comes from the context and the stories alone: it tells no policy, and annotations of
        other stories are never taken for those of these.
    """
    rng = Random(seed)
    matches = [match for match in matches_of(stories, policies) if reference in _sides(match)]
    drawn: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    seen: set[tuple[str, frozenset[str]]] = set()
    for match, pair in zip(matches, pairs_of(matches, stories), strict=True):
        both = frozenset((pair["story_a"].strip(), pair["story_b"].strip()))
        if len(both) == 2 and "" not in both and (match["context_id"], both) not in seen:
            seen.add((match["context_id"], both))
            (policy,) = _sides(match) - {reference}
            drawn[policy].append((match, pair))
    for of_policy in drawn.values():
        rng.shuffle(of_policy)
    chosen = [one for in_turn in zip_longest(*drawn.values()) for one in in_turn if one][:count]
    rng.shuffle(chosen)
    key, pairs = [], []
    for match, pair in chosen:
        a, b = ("a", "b") if rng.random() < 0.5 else ("b", "a")
        story_a, story_b = pair[f"story_{a}"], pair[f"story_{b}"]
        name = hashlib.sha256(json.dumps([pair["context_id"], story_a, story_b]).encode()).hexdigest()[:16]
        sides = {"policy_a": match[f"policy_{a}"], "policy_b": match[f"policy_{b}"]}
        key.append({**match, **sides, "match_id": name})
        told = {"context_id": pair["context_id"], "story_a": story_a, "story_b": story_b}
        pairs.append({"pair_id": name, **told, "source": HUMAN})
    return key, pairs


def _sides(match: Row) -> set[str]:
    return {match["policy_a"], match["policy_b"]}


def preference_row(pair: Row, context: Context) -> dict[str, Any]:
    """A pair as a row of preferences (docs/data.md) that lacks label, annotator and cohort.

    It names no split: the premise takes that of the preferences that it is joined with.
    """
    told = ("domain", "characters", "previous_plot", "outline")
    return {
        **{name: pair[name] for name in ("pair_id", "context_id")},
        **{name: getattr(context, name) for name in told},
        "constraints": [{"kind": c.kind, "parameters": dict(c.parameters)} for c in context.constraints],
        **{name: pair[name] for name in ("story_a", "story_b")},
    }


def votes_of(rows: Iterable[RawRow], pairs: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows of ANNOTATIONS; of two rows of one annotator on a pair the later one counts (sheets saved again).

    Raises:
        ValueError: a row that cannot be used, by file and line; annotations of other stories are one.
    """
    by_id = {pair["pair_id"]: pair for pair in pairs}
    votes: dict[tuple[str, str], dict[str, Any]] = {}
    for raw in rows:
        row = parse(raw, PairRow)
        if isinstance(row, str):
            raise ValueError(f"{raw.file} line {raw.line}: {row}")
        for name in ("label", "annotator"):
            if not getattr(row, name):
                raise ValueError(f"{raw.file} line {raw.line}: missing {name}")
        pair = by_id.get(row.pair_id, {})
        sides = (pair.get("story_a"), pair.get("story_b"))
        if (row.story_a, row.story_b) not in (sides, sides[::-1]):
            raise ValueError(
                f"{raw.file} line {raw.line}: pair {row.pair_id!r} with these stories is not on this run's "
                "sheet; annotations belong to the sheet that they were made with, since another training "
                "writes other stories"
            )
        label = row.label if row.story_a == sides[0] else _TURNED[row.label]
        vote = {"pair_id": row.pair_id, "label": label, "annotator": row.annotator}
        votes[row.pair_id, row.annotator] = vote | {"cohort": row.cohort or None}
    return list(votes.values())

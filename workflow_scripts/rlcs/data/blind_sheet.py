"""Blind comparison of the policies' stories by people who do not know who wrote which: pairs and votes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import zip_longest
from random import Random
from typing import Any

from rlcs.data.matches import Stories, StoryName, matches_of, pairs_of
from rlcs.data.rows import PairRow, RawRow, parse_row
from rlcs.errors import InputError
from rlcs.records import HUMAN, Context, Row, digest
from rlcs.text import text_key
from rlcs.verdict import swapped


def draw_blind_pairs(
    stories: Stories,
    policies: Sequence[str],
    reference: str,
    count: int,
    seed: int,
    truncated: Collection[StoryName] = (),
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw pairs of a story of the reference and one of another policy, and the key that tells the policies.

    Each policy has equally many pairs, until it has none left; pairs, order and sides are drawn at random.
    Two equal stories are not compared, and no two stories twice.

    Args:
        truncated: stories that the token limit cut; the key marks them, and the pairs do not.

    Returns:
        Rows of KEY, ``match_id`` being the pair's id, whose ``policy_a`` wrote ``story_a``; rows of
        UNLABELLED. An id comes from the context and the stories alone: it tells no policy, and annotations of
        other stories are never taken for annotations of these.
    """
    rng = Random(seed)
    matches = [match for match in matches_of(stories, policies) if reference in _sides(match)]
    drawn: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    seen: set[tuple[str, frozenset[str]]] = set()
    for match, pair in zip(matches, pairs_of(matches, stories), strict=True):
        texts = frozenset((pair["story_a"].strip(), pair["story_b"].strip()))
        if len(texts) == 2 and "" not in texts and (match["context_id"], texts) not in seen:
            seen.add((match["context_id"], texts))
            (policy,) = _sides(match) - {reference}
            drawn[policy].append((match, pair))
    for policy_pairs in drawn.values():
        rng.shuffle(policy_pairs)
    turns = zip_longest(*drawn.values())
    chosen = [drawn_pair for turn in turns for drawn_pair in turn if drawn_pair][:count]
    rng.shuffle(chosen)
    key, pairs = [], []
    for match, pair in chosen:
        a, b = ("a", "b") if rng.random() < 0.5 else ("b", "a")
        story_a, story_b = pair[f"story_{a}"], pair[f"story_{b}"]
        pair_id = digest(pair["context_id"], story_a, story_b)
        policies_of = {"policy_a": match[f"policy_{a}"], "policy_b": match[f"policy_{b}"]}
        cut = {
            f"truncated_{side}": (policies_of[f"policy_{side}"], match["context_id"], match["sample"])
            in truncated
            for side in ("a", "b")
        }
        key.append({**match, **policies_of, **cut, "match_id": pair_id})
        stories_of = {"story_a": story_a, "story_b": story_b}
        pairs.append({"pair_id": pair_id, "context_id": pair["context_id"], **stories_of, "source": HUMAN})
    return key, pairs


def _sides(match: Row) -> set[str]:
    return {match["policy_a"], match["policy_b"]}


def to_preference_row(pair: Row, context: Context) -> dict[str, Any]:
    """Make a row of preferences (docs/data.md) of a pair; it lacks label, annotator and cohort.

    It names no split: the premise takes that of the preferences that it is joined with.
    """
    premise = ("domain", "characters", "previous_plot", "outline")
    return {
        **{name: pair[name] for name in ("pair_id", "context_id")},
        **{name: getattr(context, name) for name in premise},
        "constraints": [{"kind": c.kind, "parameters": dict(c.parameters)} for c in context.constraints],
        **{name: pair[name] for name in ("story_a", "story_b")},
    }


def read_votes(rows: Iterable[RawRow], pairs: Iterable[Row]) -> list[dict[str, Any]]:
    """Read rows of ANNOTATIONS; an annotator's later row on a pair replaces the earlier (sheets saved again).

    Raises:
        InputError: a row that cannot be used, by file and line; annotations of other stories are one.
    """
    by_id = {pair["pair_id"]: pair for pair in pairs}
    votes: dict[tuple[str, str], dict[str, Any]] = {}
    for raw in rows:
        line, row = f"{raw.file} line {raw.line}", parse_row(raw, PairRow)
        if isinstance(row, str):
            raise InputError(f"{line}: {row}")
        if not row.label:
            raise InputError(f"{line}: missing label")
        if not row.annotator:
            raise InputError(f"{line}: missing annotator")
        pair = by_id.get(row.pair_id, {})
        sides = [text_key(str(pair.get(side))) for side in ("story_a", "story_b")]
        read = [text_key(row.story_a), text_key(row.story_b)]
        if read not in (sides, sides[::-1]):
            raise InputError(
                f"{line}: pair {row.pair_id!r} with these stories is not on this run's "
                "sheet; annotations belong to the sheet that they were made with, since another training "
                "writes other stories"
            )
        label = row.label if read == sides else swapped(row.label)
        vote = {"pair_id": row.pair_id, "label": label, "annotator": row.annotator}
        votes[row.pair_id, row.annotator] = vote | {"cohort": row.cohort or None}
    return list(votes.values())

"""Rows to write of what a judge says of new pairs, and of its ranking of several stories of one context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from rlcs.data.new_rows import NewPair, StoriesToRank
from rlcs.judging.credits import both_orders_verdicts, judgements_by_pair
from rlcs.records import ORDERS, Comparison, Judgement
from rlcs.verdict import orders_disagree, soft_win_probability


def comparisons_of_pairs(pairs: Iterable[NewPair]) -> list[Comparison]:
    """Every pair in both orders, the two orders of a pair adjacent."""
    return [
        Comparison(pair_key(pair), pair.context, pair.story_a, pair.story_b, order)
        for pair in pairs
        for order in ORDERS
    ]


def pair_key(pair: NewPair) -> str:
    """The id of a pair in its judgements: the row's number, since rows may share a name."""
    return str(pair.row_number)


def comparisons_to_rank(to_rank: Iterable[StoriesToRank]) -> list[Comparison]:
    """Every two stories of each row in both orders: n (n - 1) comparisons of n stories."""
    return [
        Comparison(_match(of_one, i, j), of_one.context, of_one.stories[i], of_one.stories[j], order)
        for of_one in to_rank
        for i, j in combinations(range(len(of_one.stories)), 2)
        for order in ORDERS
    ]


def _match(of_one: StoriesToRank, i: int, j: int) -> str:
    return f"{of_one.row_number}/{i}/{j}"


def judged_pairs(pairs: Iterable[NewPair], judgements: Sequence[Judgement]) -> dict[int, dict[str, Any]]:
    """A row of each pair, by its number: p over both orders, the verdict of p, and what was said in each.

    p is the mean over the verdicts in both orders, each with the judge's own p if it has one; it is None, as
    the verdict, if no order has a verdict.
    """
    by_pair = judgements_by_pair(judgements)
    return {
        pair.row_number: {
            "line": pair.line,
            "pair_id": pair.name,
            **_both_orders(by_pair.get(pair_key(pair), [])),
        }
        | ({"label": pair.label} if pair.label else {})
        for pair in pairs
    }


def ranked_stories(
    to_rank: Iterable[StoriesToRank], judgements: Sequence[Judgement]
) -> dict[int, dict[str, Any]]:
    """A row of each context, by its number: its stories by their mean p over all others, and all matches.

    A rank is that of a competition: stories with the same mean share one. ``opponents`` is the number of
    stories that it has a verdict against; without any it has no rank and stands last.
    """
    by_match = judgements_by_pair(judgements)
    rows = {}
    for of_one in to_rank:
        matches = [
            {"story_a": i, "story_b": j, **_both_orders(by_match.get(_match(of_one, i, j), []))}
            for i, j in combinations(range(len(of_one.stories)), 2)
        ]
        rows[of_one.row_number] = {
            "line": of_one.line,
            "context_id": of_one.name,
            "ranking": rank(len(of_one.stories), matches),
            "unjudged": sum(match["p"] is None for match in matches),
            "matches": matches,
        }
    return rows


def rank(count: int, matches: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rank stories 0 to ``count`` - 1 by their mean p, the best first.

    Args:
        matches: story_a, story_b and p that a is better, or None.
    """
    credits: dict[int, list[float]] = {story: [] for story in range(count)}
    for match in matches:
        if match["p"] is not None:
            credits[match["story_a"]].append(match["p"])
            credits[match["story_b"]].append(1 - match["p"])
    # rounded, so that the same results in another order are the same mean
    means = {story: round(sum(of) / len(of), 12) if of else None for story, of in credits.items()}
    known = [mean for mean in means.values() if mean is not None]
    ranked = [
        {
            "story": story,
            "rank": None if mean is None else 1 + sum(other > mean for other in known),
            "tied": mean is not None and known.count(mean) > 1,
            "p": mean,
            "opponents": len(credits[story]),
        }
        for story, mean in means.items()
    ]
    return sorted(ranked, key=lambda row: (row["rank"] is None, row["rank"], row["story"]))


def _both_orders(judgements: Sequence[Judgement]) -> dict[str, Any]:
    p = soft_win_probability(judgements)
    read = [judgement.verdict for judgement in judgements if judgement.verdict != "none"]
    return {
        "p": p,
        "verdict": next(iter(both_orders_verdicts(judgements).values()), None),
        "flips": orders_disagree(read) if len(read) == len(ORDERS) else None,
        "orders": [_in_order(judgement) for judgement in judgements],
    }


def _in_order(judgement: Judgement) -> dict[str, Any]:
    """A judgement with None for what could not be read, and then the raw answer."""
    unread = judgement.verdict == "none"
    return {
        "order": judgement.order,
        "verdict": None if unread else judgement.verdict,
        "p": judgement.p_a,
        "score_a": judgement.score_a,
        "score_b": judgement.score_b,
        "analysis": judgement.analysis,
        "unread": judgement.raw if unread else None,
        "truncated": judgement.truncated,
        "tokens": judgement.tokens,
    }

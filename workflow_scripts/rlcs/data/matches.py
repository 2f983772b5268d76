"""Matches of stories: every two policies, on contexts and samples that both wrote for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

StoryName = tuple[str, str, int]
"""Policy, context and sample number."""
Stories = Mapping[StoryName, str]
"""Texts by story."""


def texts_of(stories: Iterable[Mapping[str, Any]]) -> dict[StoryName, str]:
    """The texts of rows of STORIES."""
    return {_name(row): row["text"] for row in stories}


def truncated_of(stories: Iterable[Mapping[str, Any]]) -> set[StoryName]:
    """The truncated ones of rows of STORIES."""
    return {_name(row) for row in stories if row["truncated"]}


def _name(story: Mapping[str, Any]) -> StoryName:
    return story["policy"], story["context_id"], story["sample"]


def matches_of(stories: Stories, policies: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of MATCHES; the id of each is policy_a/policy_b/context/sample."""
    return [
        {
            "match_id": f"{policy_a}/{policy_b}/{context_id}/{sample}",
            "context_id": context_id,
            "policy_a": policy_a,
            "policy_b": policy_b,
            "sample": sample,
        }
        for policy_a, policy_b in combinations(policies, 2)
        for policy, context_id, sample in stories
        if policy == policy_a and (policy_b, context_id, sample) in stories
    ]


def thinned(
    matches: Sequence[dict[str, Any]], whole: Collection[Collection[str]], contexts: int
) -> list[dict[str, Any]]:
    """Drop matches of the pairs of policies that no table needs in full, all but the first contexts by id.

    Args:
        matches: rows of MATCHES.
        whole: pairs of policies that keep all their matches.
        contexts: number of contexts that the others keep, the same for each.
    """
    kept = set(sorted({match["context_id"] for match in matches})[:contexts])
    complete = {frozenset(pair) for pair in whole}
    return [
        match
        for match in matches
        if match["context_id"] in kept or {match["policy_a"], match["policy_b"]} in complete
    ]


def pairs_of(matches: Sequence[Mapping[str, Any]], stories: Stories) -> list[dict[str, Any]]:
    """Rows of pairs, one for each match, for ``preferences.comparisons_of``."""
    return [
        {
            "pair_id": match["match_id"],
            "context_id": match["context_id"],
            "story_a": stories[match["policy_a"], match["context_id"], match["sample"]],
            "story_b": stories[match["policy_b"], match["context_id"], match["sample"]],
        }
        for match in matches
    ]

"""Win rates of policies against a reference and against one another.

Pure functions from records to frames of raw values (``Estimate``, numbers, text, None); ``columns.COLUMNS``
explains their names. The papers' figures are a separate column and enter nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from rlcs import text as texts
from rlcs.constraints.registry import all_satisfied, satisfied
from rlcs.evaluation.crossed import BySeed, estimate_items, share_by_seed, share_of_items
from rlcs.evaluation.judgements import Judged, wins
from rlcs.evaluation.ratings import bradley_terry_ratings, length_controlled
from rlcs.evaluation.statistics import Estimate, mean_or_none
from rlcs.evaluation.truncation import truncated_by_policy, truncated_share
from rlcs.judging import credits
from rlcs.records import Context, Judgement, Row
from rlcs.text import distinct_n, repeated_ngram_share


def win_rate_table(
    matches: Sequence[Row],
    judgements: Judged,
    stories: Sequence[Row],
    contexts: Mapping[str, Context],
    paper: Mapping[str, float],
    *,
    policies: Sequence[str],
    reference: str,
    seed: int,
    spreads: Mapping[str, float | None] | None = None,
) -> pd.DataFrame:
    """Compare policies with a reference policy by each judge; columns describe their stories as well.

    Args:
        matches: rows of MATCHES, any two policies; the same for every judge and seed.
        judgements: of the matches; with several seeds, seeds and contexts are units.
        stories: rows of STORIES of all policies and seeds.
        contexts: by id.
        paper: the paper's win rate by policy, in per cent; it stands beside the first judge's.
        policies: in the table's order.
        reference: its own row has no win rate.
        seed: of the bootstraps.
        spreads: by policy, ``embeddings.embedding_spread``; without them there is no such column.

    Raises:
        ValueError: a judged match is not in ``matches``.
    """
    match_of = {match["match_id"]: match for match in matches}
    columns = {policy: story_columns(policy, stories, contexts, seed=seed) for policy in policies}
    rows = []
    results = {judge: _results(seeds, match_of, judge) for judge, seeds in judgements.items()}
    ratings = {judge: _ratings(won, match_of, seed) for judge, won in results.items()}
    words = {
        (story["policy"], story["context_id"], story["sample"], story["seed"]): len(
            texts.words(story["text"])
        )
        for story in stories
    }
    first_judge = next(iter(judgements), None)
    for policy in policies:
        for judge in judgements:
            win_rate = None
            if policy != reference:
                win_rate = _win_rate(results[judge], matches, policy, reference, seed)
            rows.append(
                {
                    "policy": policy,
                    "judge": judge,
                    "reference": reference,
                    "win_rate": win_rate,
                    "length_controlled": None
                    if policy == reference
                    else _length_controlled(judgements[judge], matches, words, policy, reference, seed),
                    "paper": paper.get(policy) if judge == first_judge else None,
                    "rating": ratings[judge].get(policy),
                    **columns[policy],
                    **({} if spreads is None else {"spread": spreads[policy]}),
                }
            )
    return pd.DataFrame(rows, dtype=object)


def win_rate_matrix(
    matches: Sequence[Row],
    judgements: Judged,
    stories: Sequence[Row],
    *,
    policies: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Compare every policy with every other by each judge; arguments as for ``win_rate_table``."""
    match_of = {match["match_id"]: match for match in matches}
    results = {judge: _results(seeds, match_of, judge) for judge, seeds in judgements.items()}
    truncated = truncated_by_policy(stories, policies, seed=seed)
    rows = [
        {
            "judge": judge,
            "policy": policy,
            "opponent": opponent,
            "win_rate": _win_rate(won, matches, policy, opponent, seed),
            "truncated": truncated[policy],
        }
        for judge, won in results.items()
        for policy in policies
        for opponent in policies
        if policy != opponent
    ]
    return pd.DataFrame(rows, dtype=object)


def story_columns(
    policy: str, stories: Iterable[Row], contexts: Mapping[str, Context], *, seed: int
) -> dict[str, Any]:
    """Satisfied constraints, length, diversity and truncation of one policy's stories, over all seeds.

    distinct-2 falls with the number of stories, so it is taken within each seed and averaged.
    """
    written = [story for story in stories if story["policy"] == policy]
    by_seed: dict[int, list[str]] = {}
    for story in written:
        by_seed.setdefault(story["seed"], []).append(story["text"])
    distinct = [distinct_n(texts, 2) for texts in by_seed.values()]

    def rows(of: Callable[[Row], float | None]) -> list[tuple[float, int, str]]:
        return [
            (value, int(story["seed"]), str(story["context_id"]))
            for story in written
            if (value := of(story)) is not None
        ]

    def compliance(story: Row) -> float | None:
        if not (constraints := contexts[story["context_id"]].constraints):
            return None  # nothing to keep
        verified = all_satisfied(satisfied(constraint, story["text"]) for constraint in constraints)
        return None if verified is None else float(verified)

    return {
        "constraints": share_of_items(rows(compliance), seed=seed),
        "words": estimate_items(rows(lambda story: float(texts.word_count(story["text"]))), seed=seed),
        "distinct_2": mean_or_none([value for value in distinct if value is not None]),
        "repeated": estimate_items(rows(lambda story: repeated_ngram_share(story["text"], 4)), seed=seed),
        "truncated": truncated_share(written, seed=seed),
    }


def _results(
    seeds: Mapping[int, Sequence[Judgement]], match_of: Mapping[str, Row], judge: str
) -> dict[int, dict[str, float]]:
    """p(a wins) by seed and match."""
    won = {number: credits.win_credits(judged) for number, judged in seeds.items()}
    if unknown := sorted({match for of_seed in won.values() for match in of_seed} - match_of.keys()):
        raise ValueError(f"judge {judge!r} judged {len(unknown)} unknown matches, the first {unknown[0]!r}")
    return won


def _win_rate(results: BySeed, matches: Sequence[Row], policy: str, reference: str, seed: int) -> Estimate:
    context_of: dict[str, str] = {}
    won: dict[int, dict[str, float]] = {number: {} for number in results}
    for result in wins(matches, results, policy, reference):
        name = result.match["match_id"]
        won[result.seed][name], context_of[name] = result.value, result.context_id
    return share_by_seed(won, context_of, seed)


def _length_controlled(
    seeds: Mapping[int, Sequence[Judgement]],
    matches: Sequence[Row],
    words: Mapping[tuple[str, str, int, int], int],
    policy: str,
    reference: str,
    seed: int,
) -> Estimate | None:
    """Length-controlled win rate over the matches of all seeds, with each seed's own stories."""
    values, differences, contexts, numbers = [], [], [], []
    by_seed = {number: credits.win_credits(judgements) for number, judgements in seeds.items()}
    for value, number, match in wins(matches, by_seed, policy, reference):
        story = (match["context_id"], match["sample"], number)
        lengths = [words.get((side, *story)) for side in (policy, reference)]
        if lengths[0] is not None and lengths[1] is not None:
            values.append(value)
            differences.append(lengths[0] - lengths[1])
            contexts.append(str(match["context_id"]))
            numbers.append(number)
    return length_controlled(values, differences, contexts, numbers, seed=seed)


def _ratings(results: BySeed, match_of: Mapping[str, Row], seed: int) -> dict[str, Estimate]:
    played = [(match_of[name], number) for number in results for name in results[number]]
    return bradley_terry_ratings(
        [match["policy_a"] for match, _ in played],
        [match["policy_b"] for match, _ in played],
        [credit for of_seed in results.values() for credit in of_seed.values()],
        [str(match["context_id"]) for match, _ in played],
        [number for _, number in played],
        seed=seed,
    )

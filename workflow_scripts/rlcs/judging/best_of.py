"""The best of n stories of a context by a judge ("Cheap rivals" in docs/method.md).

A judge that compares decides by a knock-out: n − 1 matches, the fewest after which all others have lost. As
many matches against one pivot tell which stories are better than the pivot, and not which of them is best. A
judge that scores each story by itself is asked n times. Of equal stories the earlier is taken; their order
is that of independent draws.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf
from random import Random
from statistics import fmean
from typing import Literal

from rlcs.records import ORDERS, Comparison, Context, Judgement, Order
from rlcs.verdict import soft_win_probability, win_probability

Ask = Callable[[str, Sequence[Comparison]], Sequence[Judgement]]
"""Asks a judge: a name for the comparisons, and the comparisons; returns their judgements."""


@dataclass(frozen=True)
class Candidates:
    """Stories of one context, of which one is chosen; ``name`` begins the ids of their comparisons."""

    name: str
    context: Context
    stories: Sequence[str]

    def comparison(self, i: int, j: int, order: Order) -> Comparison:
        return Comparison(f"{self.name}/{i}/{j}", self.context, self.stories[i], self.stories[j], order)


Choice = tuple[list[int], list[Judgement]]
"""The index of the chosen story of each set of candidates, and all judgements."""


def knock_out(
    candidates: Sequence[Candidates],
    ask: Ask,
    *,
    orders: Literal["both", "random"],
    probability: Literal["hard", "soft"],
    seed: int,
) -> Choice:
    """Choose by rounds: neighbours meet, and the better one stays. An odd one out stays without a match.

    A tie, two orders that disagree and a match without a verdict leave the earlier story.

    Args:
        ask: is called once a round, for all candidates.
        orders: of each match: both, or one drawn at random.
        probability: source of a match's result: verdicts (hard), or the judge's own p if it has one (soft).
        seed: of the draws of orders.
    """
    left = [list(range(len(of_one.stories))) for of_one in candidates]
    judgements: list[Judgement] = []
    for number in count(1):
        matches = {
            f"{candidates[at].name}/{i}/{j}": (at, i, j)
            for at, stories in enumerate(left)
            for i, j in zip(stories[::2], stories[1::2], strict=False)
        }
        if not matches:
            break
        shown = [
            candidates[at].comparison(i, j, order)
            for match, (at, i, j) in matches.items()
            for order in (ORDERS if orders == "both" else Random(f"{seed} {match}").sample(ORDERS, 1))
        ]
        by_match: dict[str, list[Judgement]] = defaultdict(list)
        for judgement in ask(f"round-{number}", shown):
            by_match[judgement.pair_id].append(judgement)
            judgements.append(judgement)
        lost = set()
        for match, (at, i, j) in matches.items():
            won = _first_wins(by_match[match], soft=probability == "soft")
            lost.add((at, i if won is not None and won < 0.5 else j))
        left = [[story for story in stories if (at, story) not in lost] for at, stories in enumerate(left)]
    return [stories[0] for stories in left], judgements


def _first_wins(judgements: Sequence[Judgement], *, soft: bool) -> float | None:
    if soft:
        return soft_win_probability(judgements)
    return win_probability([judgement.verdict for judgement in judgements])


def highest_score(candidates: Sequence[Candidates], ask: Ask) -> Choice:
    """Choose the story with the highest score, which the judgement of a story beside itself states.

    A story without a score is chosen only if none has one.
    """
    shown = [of_one.comparison(i, i, "ab") for of_one in candidates for i in range(len(of_one.stories))]
    judgements = list(ask("scores", shown))
    scores = iter([-inf if judgement.score_a is None else judgement.score_a for judgement in judgements])
    by_candidates = [[next(scores) for _ in of_one.stories] for of_one in candidates]
    return [of_one.index(max(of_one)) for of_one in by_candidates], judgements


def budget(written: Sequence[int], judgements: Sequence[Judgement], stories: int) -> dict[str, float]:
    """The price of each of ``stories`` chosen ones: what was written and judged for it, on average.

    Args:
        written: tokens of each candidate.
    """
    return {
        "stories": stories,
        "candidates_per_story": len(written) / stories,
        "story_tokens_per_story": sum(written) / stories,
        "comparisons_per_story": len(judgements) / stories,
        "judge_tokens_per_story": sum(judgement.tokens for judgement in judgements) / stories,
        "unparsed": fmean(judgement.verdict == "none" for judgement in judgements),
    }

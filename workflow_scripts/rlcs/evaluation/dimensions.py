"""Scores by dimension in a judge's analyses, and their means by policy.

A reader takes an analysis and returns the scores of the story shown first and of the second one, or None if
it cannot be read; such a judgement counts only in the share that was read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from rlcs.evaluation.crossed import estimate_items
from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.truncation import truncated_by_policy
from rlcs.records import Row
from rlcs.world.grammar import DIMENSIONS

DimensionScores = Mapping[str, float]
Reader = Callable[[str], tuple[DimensionScores, DimensionScores] | None]

_LABELLED = re.compile(r"[-*# ]*([A-Za-z][A-Za-z ]*?)[* ]*:[* ]*(\d{1,3})[ ,/]+(\d{1,3})[. ]*")
_CHAIN = re.compile(
    r"[12] " + " ".join(rf"{name}(?: [^\d\n]*?)? (?P<{name}>\d+)" for name in DIMENSIONS) + r" score \d+"
)


def labelled_scores(analysis: str) -> tuple[DimensionScores, DimensionScores] | None:
    """Read lines such as ``Coherence: 7 5``, the last one of each name; None without any."""
    matches = [match for line in analysis.splitlines() if (match := _LABELLED.fullmatch(line.strip()))]
    first = {match[1].strip().lower(): float(match[2]) for match in matches}
    second = {match[1].strip().lower(): float(match[3]) for match in matches}
    return (first, second) if matches else None


def chain_counts(analysis: str) -> tuple[DimensionScores, DimensionScores] | None:
    """Read the counts per dimension in the tiny world's chains (``world.teacher``), a line for each story."""
    lines = analysis.strip().splitlines()
    matches = [_CHAIN.fullmatch(line.strip()) for line in lines]
    if len(matches) != 2 or matches[0] is None or matches[1] is None:
        return None
    first, second = (
        {name: float(count) for name, count in match.groupdict().items()} for match in matches if match
    )
    return first, second


def dimension_table(
    judgements: Judged,
    matches: Sequence[Row],
    stories: Sequence[Row],
    policies: Sequence[str],
    read: Reader,
    *,
    seed: int,
) -> pd.DataFrame:
    """Mean score of each dimension by policy and judge, over all judgements that could be read.

    Judges whose analyses are never readable have no row; without any, the frame is empty.

    Args:
        matches: rows of MATCHES.
        stories: rows of STORIES of all policies and seeds.
        seed: of the bootstrap of a judge with one seed.
    """
    match_of = {match["match_id"]: match for match in matches}
    truncated = truncated_by_policy(stories, policies, seed=seed)
    rows = []
    for judge, seeds in judgements.items():
        scores: dict[tuple[str, str], list[tuple[float, int, str]]] = defaultdict(list)
        judged: dict[str, int] = defaultdict(int)
        understood: dict[str, int] = defaultdict(int)
        for number, judgement in ((number, j) for number, of_seed in seeds.items() for j in of_seed):
            match = match_of[judgement.pair_id]
            both = None if judgement.analysis is None else read(judgement.analysis)
            sides = ("policy_a", "policy_b") if judgement.order == "ab" else ("policy_b", "policy_a")
            for position, side in enumerate(sides):
                policy = match[side]
                judged[policy] += 1
                if both is not None:
                    understood[policy] += 1
                    for name, value in both[position].items():
                        scores[policy, name].append((value, number, str(match["context_id"])))
        names = list(dict.fromkeys(name for _, name in scores))
        for policy in policies if names else ():
            rows.append(
                {
                    "policy": policy,
                    "judge": judge,
                    "truncated": truncated[policy],
                    "read": understood[policy] / judged[policy] if judged[policy] else None,
                    **{name: estimate_items(scores[policy, name], seed=seed) for name in names},
                }
            )
    return pd.DataFrame(rows, dtype=object)

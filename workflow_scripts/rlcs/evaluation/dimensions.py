"""What a judge's analysis says of each dimension, and its means by policy.

A reader takes an analysis and gives the scores of the story shown first and of the second one, or None where
it cannot be read: such a judgement counts nowhere but in the share that was read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.statistics import bootstrap_mean
from rlcs.records import Row
from rlcs.world.grammar import DIMENSIONS

Scores = Mapping[str, float]
Reader = Callable[[str], tuple[Scores, Scores] | None]

_LABELLED = re.compile(r"[-*# ]*([A-Za-z][A-Za-z ]*?)[* ]*:[* ]*(\d{1,3})[ ,/]+(\d{1,3})[. ]*")
_CHAIN = re.compile(
    r"[12] " + " ".join(rf"{name}(?: [^\d\n]*?)? (?P<{name}>\d+)" for name in DIMENSIONS) + r" score \d+"
)


def labelled_scores(analysis: str) -> tuple[Scores, Scores] | None:
    """Of lines such as ``Coherence: 7 5``, the last one of each name; None where there is none."""
    found = [match for line in analysis.splitlines() if (match := _LABELLED.fullmatch(line.strip()))]
    first = {match[1].strip().lower(): float(match[2]) for match in found}
    second = {match[1].strip().lower(): float(match[3]) for match in found}
    return (first, second) if found else None


def chain_counts(analysis: str) -> tuple[Scores, Scores] | None:
    """The counts per dimension of the tiny world's chains (``world.teacher``): two lines, one a story."""
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
    policies: Sequence[str],
    read: Reader,
    *,
    seed: int,
) -> pd.DataFrame:
    """Mean score of each dimension by policy and judge, over all judgements of matches that could be read.

    Judges whose analyses are never readable have no row; without any, the frame is empty.

    Args:
        matches: rows of MATCHES.
        seed: of the bootstrap over contexts.
    """
    match_of = {match["match_id"]: match for match in matches}
    rows = []
    for judge, seeds in judgements.items():
        scores: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        asked: dict[str, int] = defaultdict(int)
        understood: dict[str, int] = defaultdict(int)
        for judgement in (one for said in seeds.values() for one in said):
            match = match_of[judgement.pair_id]
            found = None if judgement.analysis is None else read(judgement.analysis)
            sides = ("policy_a", "policy_b") if judgement.order == "ab" else ("policy_b", "policy_a")
            for place, side in enumerate(sides):
                policy = match[side]
                asked[policy] += 1
                if found is not None:
                    understood[policy] += 1
                    for name, value in found[place].items():
                        scores[policy, name].append((value, str(match["context_id"])))
        names = list(dict.fromkeys(name for _, name in scores))
        for policy in policies if names else ():
            rows.append(
                {
                    "policy": policy,
                    "judge": judge,
                    "read": understood[policy] / asked[policy] if asked[policy] else None,
                    **{name: bootstrap_mean(scores[policy, name], seed=seed) for name in names},
                }
            )
    return pd.DataFrame(rows, dtype=object)

"""Judgements and stories by seed, as the stages left them, and results of matches between policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rlcs.data.artifacts import JUDGEMENTS_FILE, STORIES_FILE
from rlcs.judging.credits import decide_by_both_orders
from rlcs.records import Judgement, Row
from rlcs.stages.manifest import read_provenance

Judged = Mapping[str, Mapping[int, Sequence[Judgement]]]
"""Judge -> seed -> judgements."""


class MatchResult(NamedTuple):
    """A match's result for one of its policies: 1 for a win, ½ for a tie, 0 for a loss, or their mean."""

    value: float
    seed: int
    match: Row

    @property
    def context_id(self) -> str:
        return str(self.match["context_id"])


def read_judged(
    folders: Iterable[Path], judges: Sequence[str], probability: str = "hard"
) -> dict[str, dict[int, list[Judgement]]]:
    """Read judge -> seed -> judgements; judges stand in the given order, each named as in its config.

    Args:
        probability: ``tables.win_rates.probability``; soft lets p over both orders decide.

    Raises:
        ValueError: a judge has no judgements.
    """
    judged: dict[str, dict[int, list[Judgement]]] = {judge: {} for judge in judges}
    for folder in folders:
        made_of = read_provenance(folder)
        by_seed = judged[made_of["config"]["name"]]
        judgements = JUDGEMENTS_FILE.read(folder)
        by_seed[made_of["seed"]] = decide_by_both_orders(judgements) if probability == "soft" else judgements
    if empty := [judge for judge, by_seed in judged.items() if not by_seed]:
        raise ValueError(f"no judgements of {', '.join(empty)}")
    return judged


def stories_by_seed(folders: Iterable[Path]) -> dict[str, dict[int, list[Row]]]:
    """Read policy -> seed -> rows of STORIES, whatever stage has written them."""
    stories: dict[str, dict[int, list[Row]]] = {}
    for folder in folders:
        for row in STORIES_FILE.read(folder):
            stories.setdefault(row["policy"], {}).setdefault(row["seed"], []).append(row)
    return stories


def wins(
    matches: Iterable[Row], credits: Mapping[int, Mapping[str, float]], policy: str, opponent: str
) -> list[MatchResult]:
    """Results of the matches between two policies, seen from ``policy``, seed by seed.

    Args:
        matches: rows of MATCHES; those of other policies are left out.
        credits: seed -> match id -> p(policy_a wins), as ``credits.win_credits`` returns it.
    """
    sides = {policy, opponent}
    played = {
        match["match_id"]: match for match in matches if {match["policy_a"], match["policy_b"]} == sides
    }
    return [
        MatchResult(credit if match["policy_a"] == policy else 1 - credit, seed, match)
        for seed, by_match in credits.items()
        for name, credit in by_match.items()
        if (match := played.get(name)) is not None
    ]

"""Metrics of the effects table that look at policies: constraints, length, wins, and rewarded violators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from rlcs import text as texts
from rlcs.constraints.registry import all_kept, satisfied
from rlcs.evaluation.statistics import Sample
from rlcs.judging.credits import win_credits
from rlcs.records import Context, Judgement, Row


@dataclass(frozen=True)
class PolicyEvidence:
    """What the metrics of policies look at.

    Attributes:
        stories: rows of STORIES by policy and seed.
        contexts: by id.
        matches: rows of MATCHES, the same for every seed.
        judged: judgements of the matches by seed.
        histories: rows of HISTORY by policy and seed.
    """

    stories: Mapping[str, Mapping[int, Sequence[Row]]] = field(default_factory=dict)
    contexts: Mapping[str, Context] = field(default_factory=dict)
    matches: Sequence[Row] = ()
    judged: Mapping[int, Sequence[Judgement]] = field(default_factory=dict)
    histories: Mapping[str, Mapping[int, Sequence[Row]]] = field(default_factory=dict)


def _differences(
    evidence: PolicyEvidence, systems: Sequence[str], value: Callable[[Row], float | None]
) -> list[tuple[float, int, str]]:
    """Story by story of the same context, sample and seed; one without a value is left out."""
    x, y = (
        {
            (seed, str(row["context_id"]), row["sample"]): known
            for seed, rows in evidence.stories[system].items()
            for row in rows
            if (known := value(row)) is not None
        }
        for system in systems
    )
    return [(x[key] - y[key], key[0], key[1]) for key in x if key in y]


def constraints_difference(evidence: PolicyEvidence, systems: Sequence[str]) -> list[Sample]:
    """Share of stories that keep all their constraints strictly, of the first policy less the second."""

    def kept(story: Row) -> float | None:
        constraints = evidence.contexts[story["context_id"]].constraints
        if not constraints:
            return None
        whole = all_kept(satisfied(constraint, story["text"]) for constraint in constraints)
        return None if whole is None else float(whole)

    return [Sample.of(_differences(evidence, systems, kept))]


def length_difference(evidence: PolicyEvidence, systems: Sequence[str]) -> list[Sample]:
    """Words of the first policy's stories less those of the second's, over the second's mean."""

    def length(story: Row) -> float:
        return float(len(texts.words(story["text"])))

    usual = fmean(length(row) for rows in evidence.stories[systems[1]].values() for row in rows)
    rows = _differences(evidence, systems, length)
    return [Sample.of([(value / usual, seed, context) for value, seed, context in rows])]


def win_rate(evidence: PolicyEvidence, systems: Sequence[str]) -> list[Sample]:
    """Matches that the first policy won against the second; a tie counts one half."""
    policy, other = systems
    played = {
        match["match_id"]: match
        for match in evidence.matches
        if {match["policy_a"], match["policy_b"]} == {policy, other}
    }
    return [
        Sample.of(
            [
                (credit if match["policy_a"] == policy else 1 - credit, seed, str(match["context_id"]))
                for seed, said in evidence.judged.items()
                for name, credit in win_credits(said).items()
                if (match := played.get(name)) is not None
            ]
        )
    ]


def rewarded_violators(evidence: PolicyEvidence, systems: Sequence[str]) -> list[Sample]:
    """Of the violators of each training step, the share with an advantage that was not negative."""
    (policy,) = systems
    rows = []
    for seed, history in evidence.histories[policy].items():
        logged = {(row["step"], row["metric"]): row["value"] for row in history}
        for step in sorted({step for step, metric in logged if metric == "constraints/violators"}):
            violators = logged[step, "constraints/violators"]
            if violators:
                rewarded = logged[step, "constraints/violators_rewarded"]
                rows.append((rewarded / violators, seed, f"step {step}"))
    return [Sample.of(rows)]

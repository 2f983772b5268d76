"""The effects table: the papers' claims as data, measured over seeds and contexts.

A metric is a function in ``OBSERVE`` that turns what the stages left into one sample, whose mean is the
effect, or two, whose means are subtracted. ``config.tables.METRICS`` lists the systems that each takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import pandas as pd
from scipy import stats

from rlcs import text as texts
from rlcs.config.tables import METRICS, EffectConfig, MetricName
from rlcs.constraints.registry import all_satisfied, satisfied
from rlcs.evaluation.crossed import Sample, crossed_estimate, crossed_mean, pair_seeds, with_exact_bounds
from rlcs.evaluation.judgements import Judged, wins
from rlcs.evaluation.statistics import Estimate
from rlcs.evaluation.truncation import truncated_share
from rlcs.judging import credits
from rlcs.records import Context, Judgement, Label, Row

Credits = Callable[[Iterable[Judgement], Mapping[str, Label]], dict[str, float]]
"""Judgements and labels to accuracy by pair."""


@dataclass(frozen=True)
class PolicyEvidence:
    """Input of the metrics of policies.

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

    def stories_of(self, *policies: str) -> Iterator[Row]:
        """The stories of some policies, over all seeds; none of a policy whose stories were not read."""
        for policy in policies:
            for rows in self.stories.get(policy, {}).values():
                yield from rows


@dataclass(frozen=True)
class Evidence:
    """Input of all metrics.

    Attributes:
        judged: judgements of held-out pairs.
        train_judged: judgements of training pairs.
        filtered: by teacher, the ids of the training pairs whose chains the consistency filter kept.
        labels: by pair id.
        contexts: the context id of each pair.
        policies: input of the metrics of policies.
    """

    judged: Judged = field(default_factory=dict)
    train_judged: Judged = field(default_factory=dict)
    filtered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    policies: PolicyEvidence = field(default_factory=PolicyEvidence)

    def sample(self, by_seed: Mapping[int, Mapping[str, float]]) -> Sample:
        """The sample of values by seed and pair."""
        return Sample.of(
            [(value, seed, self.contexts[pair]) for seed in by_seed for pair, value in by_seed[seed].items()]
        )


def _credit_difference(evidence: Evidence, systems: Sequence[str], credits_of: Credits) -> list[Sample]:
    """Credits of the first judge less those of the second, on pairs that both could judge."""
    by_seed = {}
    for seed, x, y in pair_seeds(*(evidence.judged[system] for system in systems)):
        first, second = (credits_of(judgements, evidence.labels) for judgements in (x, y))
        by_seed[seed] = {pair: first[pair] - second[pair] for pair in first if pair in second}
    return [evidence.sample(by_seed)]


def _accuracy_difference(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Accuracy (ties one half) of the first judge less that of the second."""
    return _credit_difference(evidence, systems, credits.pair_credits)


def _both_orders_difference(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Accuracy of p over both orders of the first judge less that of the second."""
    return _credit_difference(evidence, systems, credits.both_orders_credits)


def _both_orders(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Accuracy of a judge's p over both orders."""
    (judge,) = systems
    seeds = evidence.judged[judge]
    return [
        evidence.sample(
            {seed: credits.both_orders_credits(said, evidence.labels) for seed, said in seeds.items()}
        )
    ]


def _flip_rate(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Share of a judge's pairs whose verdict changes with the order."""
    (judge,) = systems
    seeds = evidence.judged[judge]
    return [evidence.sample({seed: credits.pair_flips(judgements) for seed, judgements in seeds.items()})]


def _chain_correctness(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Share of true verdicts among a teacher's chains of labelled pairs: of filtered ones, and of all."""
    teacher, judge = systems
    seeds = evidence.train_judged[judge].values()
    truth = {(j.pair_id, j.order): j.verdict for judgements in seeds for j in judgements}
    ((seed, chains),) = evidence.train_judged[teacher].items()
    correct = [
        (chain.pair_id, float(chain.verdict == truth[chain.pair_id, chain.order]))
        for chain in chains
        if chain.verdict != "none" and chain.pair_id in evidence.labels
    ]
    filtered = [(pair, value) for pair, value in correct if pair in evidence.filtered[teacher]]
    return [
        Sample.of([(value, seed, evidence.contexts[pair]) for pair, value in rows])
        for rows in (filtered, correct)
    ]


def _differences(
    evidence: Evidence, systems: Sequence[str], value: Callable[[Row], float | None]
) -> list[tuple[float, int, str]]:
    """Differences between two policies' stories of the same context, sample and seed, if both have a value.

    Returns:
        Rows (difference, seed, context id).
    """
    x, y = (
        {
            (seed, str(row["context_id"]), row["sample"]): known
            for seed, rows in evidence.policies.stories[system].items()
            for row in rows
            if (known := value(row)) is not None
        }
        for system in systems
    )
    return [(x[key] - y[key], key[0], key[1]) for key in x if key in y]


def constraints_difference(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Share of stories that satisfy all their constraints strictly, of the first policy less the second."""

    def compliance(story: Row) -> float | None:
        constraints = evidence.policies.contexts[story["context_id"]].constraints
        if not constraints:
            return None
        verified = all_satisfied(satisfied(constraint, story["text"]) for constraint in constraints)
        return None if verified is None else float(verified)

    return [Sample.of(_differences(evidence, systems, compliance))]


def length_difference(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Words of the first policy's stories less those of the second's, over the second's mean."""

    def length(story: Row) -> float:
        return float(texts.word_count(story["text"]))

    usual = fmean(length(row) for rows in evidence.policies.stories[systems[1]].values() for row in rows)
    rows = _differences(evidence, systems, length)
    return [Sample.of([(value / usual, seed, context) for value, seed, context in rows])]


def win_rate(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Share of matches that the first policy won against the second; a tie counts one half."""
    policy, opponent = systems
    by_seed = {seed: credits.win_credits(judged) for seed, judged in evidence.policies.judged.items()}
    won = wins(evidence.policies.matches, by_seed, policy, opponent)
    return [Sample.of([(result.value, result.seed, result.context_id) for result in won])]


def rewarded_violators(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Share of each training step's violators whose advantage was not negative."""
    (policy,) = systems
    rows = []
    for seed, history in evidence.policies.histories[policy].items():
        logged = {(row["step"], row["metric"]): row["value"] for row in history}
        for step in sorted({step for step, metric in logged if metric == "constraints/violators"}):
            violators = logged[step, "constraints/violators"]
            if violators:
                rewarded = logged[step, "constraints/violators_rewarded"]
                rows.append((rewarded / violators, seed, f"step {step}"))
    return [Sample.of(rows)]


OBSERVE: dict[MetricName, Callable[[Evidence, Sequence[str]], list[Sample]]] = {
    "accuracy_both_orders": _both_orders,
    "accuracy_both_orders_difference": _both_orders_difference,
    "accuracy_difference": _accuracy_difference,
    "flip_rate": _flip_rate,
    "chain_correctness": _chain_correctness,
    "constraints_difference": constraints_difference,
    "length_difference": length_difference,
    "win_rate": win_rate,
    "rewarded_violators": rewarded_violators,
}


STORY_METRICS: tuple[MetricName, ...] = ("constraints_difference", "length_difference", "win_rate")

LEAST_SEEDS = 3  # for a claim about a training to hold
FEW_SEEDS, UNSAID = "too few seeds", "cannot be said"


@dataclass(frozen=True)
class Measured:
    """A measured effect, its p value against the expected bounds, and the number of its seeds."""

    estimate: Estimate
    p_value: float | None
    seeds: int


def effects_table(effects: Sequence[EffectConfig], evidence: Evidence, *, seed: int) -> pd.DataFrame:
    """One row per claim: the expected and the measured effect, and whether the claim holds.

    Args:
        seed: of the bootstraps of effects with one seed.
    """
    measured = [
        measure_effect(effect, OBSERVE[effect.metric](evidence, effect.systems), seed=seed)
        for effect in effects
    ]
    corrected = holm([effect.p_value for effect in measured])
    rows: list[dict[str, Any]] = []
    for effect, result, p_holm in zip(effects, measured, corrected, strict=True):
        rows.append(
            {
                "claim": effect.claim,
                "compared": " – ".join(effect.systems),
                "metric": effect.metric.replace("_", " "),
                "expected": describe_expectation(effect),
                "paper_states": effect.paper,
                "at_least": effect.at_least,
                "items": result.estimate.n,
                "seeds": result.seeds,
                "effect": result.estimate,
                "p_holm": p_holm,
                "holds": decide_claim(effect, result.estimate, result.seeds),
                "truncated": truncated_share(evidence.policies.stories_of(*effect.systems), seed=seed)
                if effect.metric in STORY_METRICS
                else None,
                "note": effect.note,
            }
        )
    return pd.DataFrame(rows, dtype=object)


def measure_effect(effect: EffectConfig, samples: Sequence[Sample], *, seed: int) -> Measured:
    """Measure an effect: its interval, and p values of t at the bounds of what is expected.

    A share of 0 or 1 has the exact interval and p value of as many trials as contexts.
    """
    mean = crossed_mean(*samples)
    estimate = crossed_estimate(*samples, seed=seed)
    is_share = METRICS[effect.metric].shows == "share"
    if is_share:
        estimate = with_exact_bounds(estimate, mean.contexts)
    p_values = []
    for bound, sign in ((effect.above, 1), (effect.below, -1)):
        if bound is None or math.isnan(mean.error):
            continue
        if sign * (mean.value - bound / 100) <= 0:
            p_values.append(1.0)
        elif mean.error > 0:
            p_values.append(mean.p_value(bound / 100))
        elif is_share and 0 <= bound <= 100 and mean.value in (0.0, 1.0):
            side = "greater" if sign > 0 else "less"
            successes = round(mean.value * mean.contexts)
            test = stats.binomtest(successes, mean.contexts, bound / 100, alternative=side)
            p_values.append(min(1.0, 2 * float(test.pvalue)))
    expected = (effect.above is not None) + (effect.below is not None)
    return Measured(estimate, max(p_values) if len(p_values) == expected else None, mean.seeds)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's p values (1979): as p, but at most 5 % of tables have one below 0.05 whose claim is false.

    Claims without p value are not counted.
    """
    corrected: list[float | None] = [None] * len(p_values)
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        corrected[index] = largest
    return corrected


def describe_expectation(effect: EffectConfig) -> str:
    """The bounds of an effect in words, such as ``> 0 and < 5``, in per cent."""
    bounds = [("> ", effect.above), ("< ", effect.below)]
    return " and ".join(f"{sign}{bound:g}" for sign, bound in bounds if bound is not None)


def decide_claim(effect: EffectConfig, estimate: Estimate, seeds: int) -> str:
    """Decide if a claim holds: its whole interval is within the bounds, over three seeds or more.

    The chains of a teacher are made once, so their claim needs no seeds. The result also names a missed
    ``at_least``. Nothing can be said without an interval, or by one without width, which says no more than
    that no item differed.
    """
    if math.isnan(estimate.low) or estimate.low == estimate.high:
        return UNSAID
    low, high, value = (100 * figure for figure in (estimate.low, estimate.high, estimate.value))
    if not ((effect.above is None or low > effect.above) and (effect.below is None or high < effect.below)):
        return "does not hold"
    if METRICS[effect.metric].trained and seeds < LEAST_SEEDS:
        return FEW_SEEDS
    return (
        "holds" if effect.at_least is None or value >= effect.at_least else "holds, but smaller than at_least"
    )

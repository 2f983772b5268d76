"""The effects table: the papers' claims as data, measured over seeds and contexts (DESIGN sections 9 and 10).

A metric is a function in ``OBSERVE`` that turns what the stages left into one sample, whose mean is the
effect, or two, whose means are subtracted. ``tables.METRICS`` says which systems it is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd

from rlcs.config.tables import EffectConfig, MetricName
from rlcs.evaluation import policy_effects
from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.policy_effects import PolicyEvidence
from rlcs.evaluation.statistics import Estimate, Sample, crossed_bootstrap
from rlcs.judging import credits
from rlcs.records import Label

Value = TypeVar("Value")


@dataclass(frozen=True)
class Evidence:
    """What metrics look at.

    Attributes:
        judged: judgements of held-out pairs.
        taught: judgements of training pairs.
        kept: by teacher, the training pairs whose chains the consistency filter kept.
        labels: by pair.
        contexts: the context of each pair.
        policies: what the metrics of policies look at.
    """

    judged: Judged = field(default_factory=dict)
    taught: Judged = field(default_factory=dict)
    kept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    policies: PolicyEvidence = field(default_factory=PolicyEvidence)

    def sample(self, by_seed: Mapping[int, Mapping[str, float]]) -> Sample:
        """Seed -> pair -> value as a sample."""
        return Sample.of(
            [(value, seed, self.contexts[pair]) for seed in by_seed for pair, value in by_seed[seed].items()]
        )


def _of_each_seed(x: Mapping[int, Value], y: Mapping[int, Value]) -> Iterator[tuple[int, Value, Value]]:
    """Two systems seed by seed; one that is asked once, being trained by no seed, stands beside every seed.

    Raises:
        ValueError: both have several seeds, and not the same.
    """
    if len(x) > 1 and len(y) > 1 and x.keys() != y.keys():
        raise ValueError(f"seeds {sorted(x)} and {sorted(y)} cannot be paired")
    for seed in sorted(x if len(x) > 1 else y):
        yield (
            seed,
            x[seed] if len(x) > 1 else next(iter(x.values())),
            y[seed] if len(y) > 1 else next(iter(y.values())),
        )


def _accuracy_difference(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Accuracy (ties one half) of the first judge less that of the second, on pairs that both could judge."""
    by_seed = {}
    for seed, x, y in _of_each_seed(*(evidence.judged[system] for system in systems)):
        one, other = (credits.pair_credits(said, evidence.labels) for said in (x, y))
        by_seed[seed] = {pair: one[pair] - other[pair] for pair in one if pair in other}
    return [evidence.sample(by_seed)]


def _flip_rate(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Share of a judge's pairs whose verdict changes with the order."""
    (judge,) = systems
    return [
        evidence.sample({seed: credits.pair_flips(said) for seed, said in evidence.judged[judge].items()})
    ]


def _chain_correctness(evidence: Evidence, systems: Sequence[str]) -> list[Sample]:
    """Share of a teacher's chains of labelled pairs whose verdict is the truth: of those kept, and of all."""
    teacher, judge = systems
    truth = {(j.pair_id, j.order): j.verdict for said in evidence.taught[judge].values() for j in said}
    ((seed, chains),) = evidence.taught[teacher].items()
    right = [
        (c.pair_id, float(c.verdict == truth[c.pair_id, c.order]))
        for c in chains
        if c.verdict != "none" and c.pair_id in evidence.labels
    ]
    kept = [(pair, value) for pair, value in right if pair in evidence.kept[teacher]]

    def sample(rows: Sequence[tuple[str, float]]) -> Sample:
        contexts = [evidence.contexts[pair] for pair, _ in rows]
        return Sample([value for _, value in rows], [seed] * len(rows), contexts)

    return [sample(kept), sample(right)]


Metric = Callable[[Evidence, Sequence[str]], list[Sample]]


def _of_policies(metric: Callable[[PolicyEvidence, Sequence[str]], list[Sample]]) -> Metric:
    return lambda evidence, systems: metric(evidence.policies, systems)


OBSERVE: dict[MetricName, Metric] = {
    "accuracy_difference": _accuracy_difference,
    "flip_rate": _flip_rate,
    "chain_correctness": _chain_correctness,
    "constraints_difference": _of_policies(policy_effects.constraints_difference),
    "length_difference": _of_policies(policy_effects.length_difference),
    "win_rate": _of_policies(policy_effects.win_rate),
    "rewarded_violators": _of_policies(policy_effects.rewarded_violators),
}


def effects_table(effects: Sequence[EffectConfig], evidence: Evidence, *, seed: int) -> pd.DataFrame:
    """A row per claim: what is expected, what was measured, and whether it holds.

    Args:
        seed: of the bootstraps.
    """
    rows: list[dict[str, Any]] = []
    for effect in effects:
        estimate = crossed_bootstrap(*OBSERVE[effect.metric](evidence, effect.systems), seed=seed)
        rows.append(
            {
                "claim": effect.claim,
                "compared": " – ".join(effect.systems),
                "metric": effect.metric.replace("_", " "),
                "expected": expectation(effect),
                "paper_states": effect.paper,
                "at_least": effect.at_least,
                "items": estimate.n,
                "effect": estimate,
                "holds": verdict(effect, estimate),
                "note": effect.note,
            }
        )
    return pd.DataFrame(rows, dtype=object)


def expectation(effect: EffectConfig) -> str:
    bounds = [("> ", effect.above), ("< ", effect.below)]
    return " and ".join(f"{sign}{bound:g}" for sign, bound in bounds if bound is not None)


def verdict(effect: EffectConfig, estimate: Estimate) -> str:
    """``holds`` where the whole interval is as expected; what was to be reached is said besides."""
    if math.isnan(estimate.low):
        return "cannot be said"
    low, high, value = (100 * figure for figure in (estimate.low, estimate.high, estimate.value))
    holds = (effect.above is None or low > effect.above) and (effect.below is None or high < effect.below)
    if not holds:
        return "does not hold"
    return (
        "holds" if effect.at_least is None or value >= effect.at_least else "holds, but smaller than at_least"
    )

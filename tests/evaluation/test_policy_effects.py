"""Metrics of policies in the effects table, on stories and histories that are known by heart."""

import pytest

from rlcs.config.tables import EffectConfig
from rlcs.evaluation.effects import (
    Evidence,
    PolicyEvidence,
    constraints_difference,
    effects_table,
    length_difference,
    rewarded_violators,
    win_rate,
)
from rlcs.records import Constraint, Context, Judgement

CONTEXTS = {
    "c0": Context("c0", "quest", "", "", "", (Constraint("max_words", {"n": 2}),), "test"),
    "c1": Context("c1", "quest", "", "", "", (Constraint("min_words", {"n": 2}),), "test"),
    "free": Context("free", "quest", "", "", "", (), "test"),
    "asked": Context("asked", "quest", "", "", "", (Constraint("described", {"text": "doubt"}),), "test"),
}


def stories(*texts, seed=1):
    """Those that end with b are truncated."""
    return [
        {"context_id": name, "sample": 0, "seed": seed, "text": text, "truncated": text.endswith("b")}
        for name, text in zip(CONTEXTS, texts, strict=False)
    ]


EVIDENCE = Evidence(
    policies=PolicyEvidence(
        stories={
            "rlmr": {1: stories("a b", "a b", "a", "a"), 2: stories("a b c", "a b", "a", "a", seed=2)},
            "sft": {1: stories("a b", "a", "a b", "a"), 2: stories("a b", "a", "a b", "a", seed=2)},
        },
        contexts=CONTEXTS,
        matches=[
            {"match_id": "m0", "context_id": "c0", "policy_a": "sft", "policy_b": "rlmr", "sample": 0},
            {"match_id": "m1", "context_id": "c1", "policy_a": "rlmr", "policy_b": "sft", "sample": 0},
            {"match_id": "m2", "context_id": "c1", "policy_a": "other", "policy_b": "sft", "sample": 0},
        ],
        judged={
            1: [Judgement(f"m{n}", order, "oracle", "a") for n in range(3) for order in ("ab", "ba")],
            2: [Judgement("m1", "ab", "oracle", "tie"), Judgement("m0", "ab", "oracle", "none")],
        },
        histories={
            "rlmr": {
                1: [
                    {"step": step, "metric": f"constraints/{metric}", "value": value}
                    for step, values in {1: (4, 1), 2: (0, 0), 3: (2, 2)}.items()
                    for metric, value in zip(("violators", "violators_rewarded"), values, strict=True)
                ]
                + [{"step": 1, "metric": "reward", "value": 0.5}]
            }
        },
    )
)


def test_constraints_are_compared_where_they_can_be_told():
    (sample,) = constraints_difference(EVIDENCE, ["rlmr", "sft"])
    assert sample.values == (0.0, 1.0, -1.0, 1.0)
    assert sample.seeds == (1, 1, 2, 2)
    assert sample.contexts == ("c0", "c1", "c0", "c1")


def test_length_is_compared_in_parts_of_the_seconds_mean():
    (sample,) = length_difference(EVIDENCE, ["rlmr", "sft"])
    assert sample.values == pytest.approx([value / 1.5 for value in (0, 1, -1, 0, 1, 1, -1, 0)])


def test_win_rate_is_of_the_matches_between_the_two():
    (sample,) = win_rate(EVIDENCE, ["rlmr", "sft"])
    assert sorted(zip(sample.values, sample.seeds, sample.contexts, strict=True)) == [
        (0.0, 1, "c0"),
        (0.5, 2, "c1"),
        (1.0, 1, "c1"),
    ]


def test_rewarded_violators_are_a_share_of_each_steps_violators():
    (sample,) = rewarded_violators(EVIDENCE, ["rlmr"])
    assert (sample.values, sample.contexts) == ((0.25, 1.0), ("step 1", "step 3"))


def test_a_claim_about_stories_counts_the_truncated_ones_of_both_policies():
    def claim(metric, *systems):
        return EffectConfig(claim=metric, metric=metric, systems=systems, above=0)

    judge = Evidence(
        judged={"rlmr": {1: [Judgement("p", order, "rlmr", "a") for order in ("ab", "ba")]}},
        contexts={"p": "c0"},
        policies=EVIDENCE.policies,
    )
    metrics = ("win_rate", "length_difference", "constraints_difference")
    claims = [*(claim(metric, "rlmr", "sft") for metric in metrics), claim("rewarded_violators", "rlmr")]
    frame = effects_table([*claims, claim("flip_rate", "rlmr")], judge, seed=0)
    assert [(share.value, share.n) for share in frame["truncated"][:3]] == [(7 / 16, 16)] * 3
    assert frame["truncated"][3] is frame["truncated"][4] is None

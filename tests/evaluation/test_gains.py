"""Judges as rewards: accuracy beside the gain of the policy, and their rank correlation."""

import pandas as pd
import pytest

from rlcs.evaluation.effects import Evidence, PolicyEvidence
from rlcs.evaluation.gains import correlation_table, gain_table
from rlcs.evaluation.statistics import Estimate
from rlcs.records import Judgement


def said(judge, **verdicts):
    return [
        Judgement(pair, order, judge, verdict) for pair, verdict in verdicts.items() for order in ("ab", "ba")
    ]


EVIDENCE = Evidence(
    judged={
        "good": {1: said("good", p0="a", p1="b"), 2: said("good", p0="a", p1="a")},
        "bad": {1: said("bad", p0="b", p1="a"), 2: said("bad", p0="b", p1="b")},
        "mute": {1: said("mute", p0="none"), 2: []},
    },
    labels={"p0": "a", "p1": "b"},
    contexts={"p0": "c0", "p1": "c1"},
    policies=PolicyEvidence(
        stories={
            "one": {seed: [{"context_id": "c0", "seed": seed, "truncated": seed == 1}] for seed in (1, 2)},
            "two": {1: [{"context_id": "c0", "seed": 1, "truncated": False}]},
        },
        matches=[
            {
                "match_id": f"{policy}{n}",
                "context_id": f"c{n}",
                "policy_a": policy,
                "policy_b": "sft",
                "sample": 0,
            }
            for policy in ("one", "two", "three")
            for n in range(2)
        ],
        judged={
            1: said("oracle", one0="a", one1="a", two0="b", two1="b", three0="a"),
            2: said("oracle", two0="a"),
        },
    ),
)


def test_each_policy_stands_beside_its_judge():
    frame = gain_table({"one": "good", "two": "bad", "three": "mute"}, EVIDENCE, "sft", seed=0)
    assert frame["judge"].tolist() == ["good", "bad", "mute"]
    assert [e.value for e in frame["accuracy"]] == pytest.approx([3 / 4, 1 / 4, float("nan")], nan_ok=True)
    assert [e.n for e in frame["accuracy"]] == [4, 4, 0]
    assert [e.value for e in frame["win_rate"]] == pytest.approx([1, 1 / 3, 1])
    assert [(e.value, e.n) for e in frame["truncated"]][:2] == [(0.5, 2), (0, 1)]
    assert frame["truncated"][2].n == 0
    assert frame["accuracy"][0].low < 0.75 < frame["accuracy"][0].high


def gains(*points):
    return pd.DataFrame(
        [
            {"judge": f"judge{n}", "accuracy": Estimate(x, x, x, 1), "win_rate": Estimate(y, y, y, 1)}
            for n, (x, y) in enumerate(points)
        ],
        dtype=object,
    )


@pytest.mark.parametrize(
    ("points", "rho", "p"),
    [
        ([(0.5, 0.1), (0.6, 0.2), (0.7, 0.9), (0.8, 0.95)], 1, 2 / 24),
        ([(0.5, 0.4), (0.6, 0.3), (0.7, 0.2)], -1, 2 / 6),
        ([(0.5, 0.4), (0.6, 0.3)], None, None),
        ([(0.5, 0.4), (0.5, 0.3), (0.5, 0.2)], None, None),
        ([(0.5, 0.4), (float("nan"), 0.9), (0.6, 0.5), (0.7, 0.6)], 1, 2 / 6),
    ],
)
def test_rank_correlation_and_its_exact_p(points, rho, p):
    (row,) = correlation_table(gains(*points), seed=0).to_dict("records")
    known = sum(x == x for x, _ in points)
    assert row == {"judges": known, "rho": rho and pytest.approx(rho), "p_rho": p and pytest.approx(p)}


def test_the_oracle_and_the_length_rule_stand_in_the_table_and_not_in_the_correlation():
    frame = gains((0.4, 0.1), (0.7, 0.6), (0.75, 0.5), (0.8, 0.4), (1.0, 0.9))
    (row,) = correlation_table(frame, ["judge0", "judge4"], seed=0).to_dict("records")
    assert row == {"judges": 3, "rho": pytest.approx(-1), "p_rho": pytest.approx(2 / 6)}
    assert correlation_table(frame[:1], ["judge0"], seed=0)["judges"][0] == 0

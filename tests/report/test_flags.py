"""Flags for what is worst, and claims that do not hold."""

import pandas as pd
import pytest

from rlcs.evaluation.statistics import Estimate
from rlcs.report.flags import (
    failed_claims,
    flag_equal_stories,
    flag_injections,
    flag_judges,
    flag_policies,
)


def around(value, by=0.03, n=300):
    return Estimate(value, value - by, value + by, n)


def wins(**changes):
    reference = {
        "policy": "sft",
        "judge": "oracle",
        "reference": "sft",
        "win_rate": None,
        "constraints": around(0.56),
        "truncated": around(0.0),
    }
    policy = {**reference, "policy": "rlcs", "win_rate": around(0.7), **changes}
    return pd.DataFrame([reference, policy], dtype=object)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, []),
        (
            {"constraints": around(0.37)},
            [
                "rlcs keeps fewer constraints than sft: 37% of its stories keep all of theirs, against 56%",
            ],
        ),
        ({"constraints": around(0.37, by=0.2)}, []),  # could be chance
        ({"constraints": Estimate(float("nan"), float("nan"), float("nan"), 0)}, []),
        (
            {"truncated": around(0.9)},
            ["rlcs: the token limit cuts off 90% of its stories (limit 20%); raise max_new_tokens"],
        ),
        (
            {"win_rate": around(0.4)},
            ["rlcs loses to sft: it wins 40.0% [37.0%, 43.0%], judged by oracle"],
        ),
        (
            {"win_rate": Estimate(float("nan"), float("nan"), float("nan"), 0)},
            ["oracle gave no verdict that could be read on rlcs"],
        ),
    ],
)
def test_what_is_worst_of_a_policy_is_flagged(changes, flags):
    assert flag_policies(wins(**changes)) == flags


def stories(policy, *texts):
    return [
        {"policy": policy, "seed": 1, "context_id": f"c{number}", "sample": 0, "text": text}
        for number, text in enumerate(texts)
    ]


def test_a_policy_that_writes_what_its_reference_writes_is_flagged():
    rows = [*stories("sft", "a", "b", "c"), *stories("same", "a", "b", "x"), *stories("other", "a", "y", "z")]
    assert flag_equal_stories(rows, ["sft", "same", "other"], "sft") == [
        "same writes what sft writes: 67% of its stories are equal word for word"
    ]


def test_judges_near_chance_or_without_verdicts_are_flagged():
    frame = pd.DataFrame(
        {
            "system": ["good", "coin", "mute", "majority"],
            "accuracy": [around(0.7), around(0.52), around(0.8), around(0.5)],
            "unparsed": [around(0.0), around(0.0), around(0.8), around(0.0)],
        },
        dtype=object,
    )
    assert flag_judges(frame) == [
        "coin is near chance: it agrees with 52.0% of the labels [49.0%, 55.0%]",
        "mute mostly gives no verdict: 80% of its judgements",
    ]


def injected(injection, wins, over_plain, unread, judge="genrm"):
    values = {"injected_wins": wins, "over_plain": over_plain, "unparsed": unread}
    return {"judge": judge, "injection": injection, **values}


def test_texts_that_a_judge_believes_or_that_silence_it_are_flagged():
    rows = [
        injected("plain", around(0.2), None, around(0.0, n=80)),
        injected("benign", around(0.6, by=0.2), around(0.4), around(0.5, n=80)),  # both could be chance
        injected("tags", Estimate(1.0, 0.91, 1.0, 40), around(0.8), around(0.1, n=80)),
        injected("tokens", Estimate(1.0, 0.4, 1.0, 4), around(0.8), Estimate(0.95, 0.89, 1.0, 80)),
        injected("long", Estimate(*[float("nan")] * 3, 0), None, Estimate(1.0, *[float("nan")] * 2, 2)),
        # judges that are so without any text
        injected("plain", around(0.8), None, around(0.0), "wrong"),
        injected("tags", around(0.8), around(0.0), around(0.0), "wrong"),
        injected("plain", around(0.2), None, around(0.9), "mute"),
        injected("tags", around(0.2), around(0.0), around(0.9), "mute"),
    ]
    assert flag_injections(pd.DataFrame(rows, dtype=object)) == [
        "genrm lets the worse story win if it has an added text: tags (100% [91%, 100%] of 40 pairs)",
        "genrm mostly gives no verdict if a story has an added text: tokens (95% of 80), long (100% of 2) "
        "judgements",
    ]


def test_a_claim_that_does_not_hold_is_told_as_plainly_as_one_that_does():
    rows = [
        {
            "claim": "GRPO beats SFT",
            "compared": "g – s",
            "expected": "> 0",
            "effect": around(-0.01),
            "holds": h,
        }
        for h in ("holds", "does not hold", "cannot be said")
    ]
    assert failed_claims(pd.DataFrame(rows, dtype=object)) == [
        f"GRPO beats SFT (g – s): expected > 0, measured -1.0 [-4.0, +2.0]: {holds}"
        for holds in ("does not hold", "cannot be said")
    ]

"""Results of matches, seen from one of the two policies."""

from rlcs.evaluation.judgements import wins

MATCHES = [
    {"match_id": "m0", "context_id": "c0", "policy_a": "x", "policy_b": "y", "sample": 0},
    {"match_id": "m1", "context_id": "c1", "policy_a": "y", "policy_b": "x", "sample": 0},
    {"match_id": "m2", "context_id": "c1", "policy_a": "x", "policy_b": "z", "sample": 0},
]
CREDITS = {1: {"m0": 1.0, "m1": 0.25, "m2": 1.0}, 2: {"m1": 0.5}}


def test_results_are_those_of_the_matches_between_the_two_from_either_side():
    results = wins(MATCHES, CREDITS, "x", "y")
    assert [(result.value, result.seed, result.context_id) for result in results] == [
        (1.0, 1, "c0"),
        (0.75, 1, "c1"),
        (0.5, 2, "c1"),
    ]
    assert [result.match for result in results] == [MATCHES[0], MATCHES[1], MATCHES[1]]
    assert [result.value for result in wins(MATCHES, CREDITS, "y", "x")] == [0.0, 0.25, 0.5]


def test_a_policy_has_no_match_with_itself():
    assert wins(MATCHES, CREDITS, "x", "x") == []

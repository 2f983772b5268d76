"""Results of matches, seen from one of the two policies."""

from rlcs.data.artifacts import STORIES_FILE
from rlcs.evaluation.judgements import stories_by_seed, wins

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


def test_stories_name_their_policy_themselves(tmp_path):
    """Those that a stage chose among candidates have a config without it."""
    story = {"context_id": "c", "sample": 0, "text": "t", "tokens": 1, "truncated": False}
    rows = {
        "sft": [story | {"policy": "sft", "seed": seed} for seed in (1, 2)],
        "best-of-8": [story | {"policy": "best-of-8", "seed": 1, "sample": sample} for sample in (0, 1)],
    }
    for name, some in rows.items():
        (tmp_path / name).mkdir()
        STORIES_FILE.write(tmp_path / name, some)
    read = stories_by_seed(tmp_path / name for name in rows)
    assert {policy: {seed: len(of) for seed, of in by_seed.items()} for policy, by_seed in read.items()} == {
        "sft": {1: 1, 2: 1},
        "best-of-8": {1: 2},
    }

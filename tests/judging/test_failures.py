"""The limit on failed answers: a share of the last 100, or of a larger batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.judging.failures import WINDOW, FailureLimit

WHAT = "answers of 'reader' failed"


@pytest.mark.parametrize(
    ("share", "steps", "failed", "asked", "expected"),
    [
        (0.2, [], 8, 8, None),  # a small step says little, even if all of it failed
        (
            0.2,
            [[True] * 8] * 2,
            5,
            8,
            "21 of the last 24 answers of 'reader' failed, more than k = 20% of 100",
        ),
        (0.2, [[True] * 20, [False] * 100], 20, 20, None),  # what is long ago is forgotten
        (0.2, [[True] * 20], 1, 20, "21 of the last 40 answers of 'reader' failed, more than k = 20% of 100"),
        (0.2, [[True] * 20], 100, 500, None),  # a large batch counts by itself
        (0.2, [], 101, 500, "101 of the last 500 answers of 'reader' failed, more than k = 20% of 500"),
        (0.0, [[False] * 100], 1, 8, "1 of the last 100 answers of 'reader' failed, more than k = 0% of 100"),
        (1.0, [[True] * 100], 100, 100, None),
        (0.0, [], 0, 0, None),
    ],
)
def test_a_share_is_of_the_recent_answers(share, steps, failed, asked, expected):
    limit = FailureLimit(share, "k")
    for step in steps:
        limit.add(step)
    assert limit.problem(WHAT, failed, asked) == expected


@given(st.lists(st.lists(st.booleans(), max_size=30), max_size=12), st.floats(0, 1))
def test_steps_count_as_one_batch_of_the_same_answers(steps, share):
    limit, answers = FailureLimit(share, "k"), [failed for step in steps for failed in step]
    for step in steps[:-1]:
        limit.add(step)
    last = steps[-1] if steps else []
    too_many = sum(answers[-WINDOW:]) > share * WINDOW
    assert (limit.problem(WHAT, sum(last), len(last)) is not None) == too_many

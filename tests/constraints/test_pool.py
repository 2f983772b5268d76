"""Contexts without constraints get some of a pool, the same ones wherever they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.data import DataConfig
from rlcs.constraints.pool import draw_constraints
from rlcs.records import Constraint, Context

STATED = Constraint("title")
POOL = [
    Constraint("max_words", {"n": 100}),
    Constraint("max_words", {"n": 200}),
    Constraint("no_commas"),
    Constraint("required_word", {"word": "rope"}),
]


def context(n: int, *constraints: Constraint) -> Context:
    return Context(f"c{n}", "story", "", "", f"outline {n}", constraints, "train")


@given(st.integers(1, 6), st.integers(0, 5))
def test_one_to_most_of_the_pool_and_no_kind_twice(most, seed):
    found = draw_constraints([context(n) for n in range(200)], POOL, most, seed)
    for drawn in found:
        kinds = [constraint.kind for constraint in drawn.constraints]
        assert 1 <= len(kinds) <= most
        assert len(set(kinds)) == len(kinds)
        assert all(constraint in POOL for constraint in drawn.constraints)
    assert {len(drawn.constraints) for drawn in found} == set(range(1, min(most, 3) + 1))
    assert {constraint.parameters.get("n") for drawn in found for constraint in drawn.constraints} >= {
        100,
        200,
    }
    assert draw_constraints([context(7)], POOL, most, seed) == [found[7]]


def test_what_is_stated_stays():
    assert draw_constraints([context(1, STATED)], POOL, 2, 0) == [context(1, STATED)]


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ([], "pool"),
        ([{"kind": "rhymes"}], "unknown constraint kind 'rhymes'"),
        ([{"kind": "max_words", "parameters": {"m": 3}}], "its parameters are n"),
        ([{"parameters": {"n": 3}}], "unknown constraint kind"),
    ],
)
def test_a_pool_that_cannot_be_stated(pool, message):
    with pytest.raises(ValueError, match=message):
        DataConfig.model_validate({"draw_constraints": {"pool": pool}})

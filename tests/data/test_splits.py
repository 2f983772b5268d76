from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.data.validation import split_of

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


@given(st.text(), st.integers())
def test_a_context_has_one_split(key, seed):
    assert split_of(key, SHARES, seed) == split_of(key, dict(reversed(SHARES.items())), seed)


@given(st.text(), st.integers(), st.sampled_from(sorted(SHARES)))
def test_a_share_of_one_takes_all_and_of_zero_none(key, seed, split):
    assert split_of(key, {split: 1.0}, seed) == split
    without = {name: 0.5 if name != split else 0.0 for name in SHARES}
    assert split_of(key, without, seed) != split


def test_shares_are_met_and_seeds_differ():
    counts = Counter(split_of(f"context {i}", SHARES, 0) for i in range(5000))
    for split, share in SHARES.items():
        assert counts[split] / 5000 == pytest.approx(share, abs=0.02)
    moved = sum(
        split_of(f"context {i}", SHARES, 0) != split_of(f"context {i}", SHARES, 1) for i in range(1000)
    )
    assert 350 < moved < 550  # 1 − (0.7² + 0.1² + 0.2²) = 0.46


def test_splits_are_those_of_other_machines_and_python_versions():
    assert "".join(split_of(str(i), SHARES, 0)[:2] for i in range(12)) == "trtrtrtetrtrtrtrtrvatrte"


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"train": 0.7, "dev": 0.3}, "dev"),
        ({"train": 0.7}, "sum to 1"),
        ({"train": 1.2, "test": -0.2}, "negative"),
        ({}, "sum to 1"),
    ],
)
def test_impossible_shares_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        split_of("c", shares, 0)

import math
import random

import pytest
from scipy.special import expit

from rlcs.evaluation.ratings import length_controlled


def played(theta, phi, n=3000, longer=0.0, seed=0):
    """Results, length differences and contexts of matches by the model itself."""
    rng = random.Random(seed)
    differences = [rng.gauss(longer, 10) for _ in range(n)]
    spread = math.sqrt(sum((d - longer) ** 2 for d in differences) / n)
    won = [float(rng.random() < expit(theta + phi * math.tanh(d / spread))) for d in differences]
    return won, differences, [f"c{i % 300}" for i in range(n)]


@pytest.mark.parametrize(("theta", "phi"), [(0.0, 0.0), (0.8, 0.0), (0.0, 2.0), (-0.5, 1.5)])
def test_the_rate_at_equal_lengths_is_found(theta, phi):
    estimate = length_controlled(*played(theta, phi), seed=0, resamples=50)
    assert estimate.value == pytest.approx(expit(theta), abs=0.04)
    assert estimate.low < estimate.value < estimate.high
    assert estimate.n == 3000


def test_length_alone_buys_nothing():
    won, differences, clusters = played(0.0, 3.0, longer=8.0)
    assert sum(won) / len(won) > 0.7
    assert length_controlled(won, differences, clusters, seed=0, resamples=20).value < 0.58


def test_the_other_side_has_the_rest():
    won, differences, clusters = played(0.4, 1.0, n=400)
    ours = length_controlled(won, differences, clusters, seed=0, resamples=20).value
    theirs = length_controlled(
        [1 - w for w in won], [-d for d in differences], clusters, seed=0, resamples=20
    ).value
    assert ours + theirs == pytest.approx(1, abs=1e-4)


def test_equal_lengths_equal_results_and_nothing():
    even = length_controlled([1.0, 0.0, 0.5, 0.5], [0.0] * 4, list("abcd"), seed=0, resamples=20)
    assert even.value == pytest.approx(0.5, abs=1e-3)
    always = length_controlled(
        [1.0] * 40, list(range(-20, 20)), list(map(str, range(40))), seed=0, resamples=20
    )
    assert 0.9 < always.value < 1
    assert math.isfinite(always.high)
    nothing = length_controlled([], [], [], seed=0)
    assert (nothing.n, math.isnan(nothing.value)) == (0, True)
    with pytest.raises(ValueError, match="2 results, 1 lengths"):
        length_controlled([1.0, 0.0], [1.0], ["a", "b"], seed=0)


def test_there_is_no_rate_at_equal_lengths_if_lengths_hardly_overlap():
    """A policy rewarded for length: all its stories are the longer ones, and it loses nine of ten matches."""
    rng = random.Random(0)
    longer = [20 + rng.gauss(0, 6) for _ in range(300)]
    won = [float(rng.random() < 0.1) for _ in longer]
    contexts = [f"c{i}" for i in range(300)]
    assert length_controlled(won, longer, contexts, seed=0, resamples=20) is None
    assert length_controlled(won, [-d for d in longer], contexts, seed=0, resamples=20) is None
    some = [-d if i < 16 else d for i, d in enumerate(longer)]  # 16 of 300 are above 5 %
    assert length_controlled(won, some, contexts, seed=0, resamples=20) is not None

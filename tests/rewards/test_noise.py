import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rlcs.config.policies import NoiseConfig
from rlcs.records import Judgement
from rlcs.rewards.noise import corrected_win_probability, measure_noise, noise_from_flip_rate


def names(first, order="ab", pair="p"):
    """A judgement that names the story shown first, or the second one; None is a tie."""
    verdict = "tie" if first is None else "a" if first == (order == "ab") else "b"
    return Judgement(pair, order, "j", verdict)


@st.composite
def noises(draw):
    false = draw(st.floats(0, 0.8))
    return NoiseConfig(true_positive_rate=draw(st.floats(false + 0.1, 1)), false_positive_rate=false)


@given(noises(), st.floats(0, 1), st.sampled_from(["ab", "ba"]))
def test_the_correction_is_unbiased(noise, p_a, order):
    """Its mean over the judge's answers, drawn by the model of the noise, is p itself."""
    p_first = p_a if order == "ab" else 1 - p_a
    q = noise.true_positive_rate * p_first + noise.false_positive_rate * (1 - p_first)
    said = [corrected_win_probability([names(first, order)], noise) for first in (True, False)]
    assert q * said[0] + (1 - q) * said[1] == pytest.approx(p_a, abs=1e-6)


@given(noises())
def test_both_orders_cancel_a_preferred_place(noise):
    both = [names(True, "ab"), names(True, "ba")]
    assert corrected_win_probability(both, noise) == pytest.approx(0.5)


def test_a_judge_without_noise_needs_no_correction():
    exact = NoiseConfig(true_positive_rate=1, false_positive_rate=0)
    assert corrected_win_probability([names(True, "ba")], exact) == 0
    assert corrected_win_probability([names(None)], exact) == 0.5
    assert corrected_win_probability([Judgement("p", "ab", "j", "none")], exact) is None
    sure = Judgement("p", "ab", "j", "a", p_a=0.7)
    assert corrected_win_probability([sure], exact, soft=True) == pytest.approx(0.7)
    assert corrected_win_probability([sure], exact) == 1


def test_noise_is_measured_by_place():
    rng = random.Random(0)
    better = {f"p{n}": rng.choice("ab") for n in range(4000)}
    said = [
        names(rng.random() < (0.9 if (better[pair] == "a") == (order == "ab") else 0.3), order, pair)
        for pair in better
        for order in ("ab", "ba")
    ]
    noise = measure_noise([*said, names(True, pair="unknown"), Judgement("p0", "ab", "j", "none")], better)
    assert noise.true_positive_rate == pytest.approx(0.9, abs=0.02)
    assert noise.false_positive_rate == pytest.approx(0.3, abs=0.02)
    assert measure_noise([], better) is None
    wrong = [names(False, "ab", pair) for pair in better]
    assert measure_noise([names((better[j.pair_id] == "b"), "ab", j.pair_id) for j in wrong], better) is None


@given(st.floats(0, 0.49))
def test_flips_of_independent_mistakes_tell_their_rate(error):
    noise = noise_from_flip_rate(2 * error * (1 - error))
    assert 1 - noise.true_positive_rate == pytest.approx(noise.false_positive_rate)
    assert noise.false_positive_rate == pytest.approx(error, abs=1e-6)


@pytest.mark.parametrize("flips", [0.5, 0.9, -0.1])
def test_more_flips_than_chance_are_no_independent_mistakes(flips):
    with pytest.raises(ValueError, match="prefers a position"):
        noise_from_flip_rate(flips)


def test_noise_without_information_is_refused():
    with pytest.raises(ValidationError, match="verdicts say nothing"):
        NoiseConfig(true_positive_rate=0.4, false_positive_rate=0.4)

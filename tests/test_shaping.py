import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from rlcs.shaping import (
    Multipliers,
    cell_shares,
    mean_token_entropy,
    median_threshold,
    sampled_entropy,
    shaping_weights,
)


@st.composite
def batches(draw):
    """(entropy, correct)."""
    size = draw(st.integers(1, 20))
    entropy = draw(st.lists(st.floats(0, 5, width=32), min_size=size, max_size=size))
    correct = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return torch.tensor(entropy), torch.tensor(correct)


@pytest.mark.parametrize(
    ("entropy", "correct", "weight"),
    [
        (0.9, False, 1.5),  # confident and wrong
        (1.1, True, 1.5),  # uncertain and correct
        (0.9, True, 0.5),  # confident and correct
        (1.1, False, 1.0),  # uncertain and wrong
        (1.0, True, 1.5),  # at the threshold: not confident
        (math.nan, False, 1.0),  # no token: not confident
    ],
)
def test_weights_of_the_paper(entropy, correct, weight):
    weights = shaping_weights(torch.tensor([entropy]), torch.tensor([correct]), 1.0, Multipliers())
    assert weights.tolist() == [weight]


@given(batches())
def test_weights_come_from_the_config(batch):
    entropy, correct = batch
    chosen = Multipliers(
        confident_wrong=2.0, uncertain_correct=3.0, confident_correct=5.0, uncertain_wrong=7.0
    )
    threshold = median_threshold(entropy)
    weights = shaping_weights(entropy, correct, threshold, chosen)
    for h, right, weight in zip(entropy.tolist(), correct.tolist(), weights.tolist(), strict=True):
        confident = h < threshold
        assert (
            weight
            == {(True, False): 2, (False, True): 3, (True, True): 5, (False, False): 7}[confident, right]
        )
    assert shaping_weights(
        entropy,
        correct,
        threshold,
        Multipliers(confident_wrong=1, uncertain_correct=1, confident_correct=1, uncertain_wrong=1),
    ).tolist() == [1] * len(correct)


@given(batches())
def test_cell_shares_are_shares(batch):
    entropy, correct = batch
    shares = cell_shares(entropy, correct, median_threshold(entropy))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["confident_wrong"] + shares["confident_correct"] <= 0.5 + 1e-9
    assert shares["confident_correct"] + shares["uncertain_correct"] == pytest.approx(
        correct.float().mean().item()
    )


@given(npst.arrays("float32", (3, 5), elements=st.floats(0, 5, width=32)), st.integers(1, 5))
def test_mean_token_entropy_sees_the_completion_alone(values, length):
    entropies = torch.tensor(values)
    mask = torch.zeros(3, 5)
    mask[:, :length] = 1
    expected = entropies[:, :length].mean(dim=1)
    entropies[:, length:] = math.inf
    torch.testing.assert_close(mean_token_entropy(entropies, mask), expected)
    torch.testing.assert_close(sampled_entropy(-entropies, mask.bool()), expected)


def test_completion_without_tokens_has_no_entropy_and_leaves_the_threshold_alone():
    entropy = mean_token_entropy(torch.ones(2, 3), torch.tensor([[1, 1, 0], [0, 0, 0]]))
    assert entropy[0] == 1
    assert entropy[1].isnan()
    assert median_threshold(entropy) == 1


def test_sampled_entropy_estimates_the_entropy():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.tensor([0.7, 0.2, 0.1])
    tokens = torch.multinomial(probabilities, 20_000, replacement=True, generator=generator)
    estimate = sampled_entropy(probabilities.log()[tokens][None], torch.ones(1, 20_000))
    assert estimate.item() == pytest.approx(
        torch.distributions.Categorical(probabilities).entropy().item(), abs=0.02
    )


@pytest.mark.parametrize("correct", [torch.tensor([1, 0]), torch.tensor([True])])
def test_correct_must_be_boolean_and_of_the_same_shape(correct):
    with pytest.raises(ValueError, match=r"torch\.bool"):
        shaping_weights(torch.tensor([0.1, 0.2]), correct, 0.15, Multipliers())

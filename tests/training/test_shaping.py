import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from rlcs.config.training import MultipliersConfig
from rlcs.training.advantages import (
    RAREST,
    adaptive_multipliers,
    cell_shares,
    continuous_weights,
    mean_token_entropy,
    median_threshold,
    normalize_weights,
    overconfidence_weights,
    recent_cell_shares,
    sampled_entropy,
    shaping_cells,
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
    weights = shaping_weights(torch.tensor([entropy]), torch.tensor([correct]), 1.0, MultipliersConfig())
    assert weights.tolist() == [weight]


@given(batches())
def test_weights_come_from_the_config(batch):
    entropy, correct = batch
    chosen = MultipliersConfig(
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
        MultipliersConfig(confident_wrong=1, uncertain_correct=1, confident_correct=1, uncertain_wrong=1),
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
        shaping_weights(torch.tensor([0.1, 0.2]), correct, 0.15, MultipliersConfig())


@given(batches(), st.floats(0, 1))
def test_continuous_weights_grow_with_entropy_where_right_and_fall_where_wrong(batch, strength):
    entropy, correct = batch
    weights = continuous_weights(entropy, correct, strength)
    assert (weights >= 1 - strength - 1e-6).all()
    assert (weights <= 1 + strength + 1e-6).all()
    for h, right, weight in zip(entropy, correct, weights, strict=True):
        for other_h, other_right, other in zip(entropy, correct, weights, strict=True):
            if right == other_right and h < other_h:
                assert weight <= other + 1e-6 if right else weight >= other - 1e-6
    torch.testing.assert_close(continuous_weights(entropy, correct, 0.0), torch.ones_like(weights))
    all_right = continuous_weights(entropy, torch.ones_like(correct), strength)
    assert all_right.mean().item() == pytest.approx(1)
    torch.testing.assert_close(continuous_weights(entropy * 8, correct, strength), weights)  # order alone


def test_continuous_weight_without_an_entropy_is_one():
    entropy = torch.tensor([math.nan, 0.1, 0.2])
    weights = continuous_weights(entropy, torch.tensor([True, True, False]), 1.0)
    assert weights.tolist() == pytest.approx([1.0, 0.5, 0.5])


shares = st.fixed_dictionaries({cell: st.floats(0, 1) for cell in MultipliersConfig.model_fields})


@given(shares.filter(lambda shares: sum(shares.values()) > 0), st.floats(0, 1))
def test_adaptive_weights_have_mean_one_and_favour_the_rare(shares, strength):
    total = sum(max(share, RAREST) for share in shares.values())
    f = {cell: max(share, RAREST) / total for cell, share in shares.items()}
    weight = adaptive_multipliers(shares, strength).model_dump()
    assert sum(f[cell] * weight[cell] for cell in f) == pytest.approx(1)
    for cell in f:
        for other in f:
            if f[cell] < f[other]:
                assert weight[cell] >= weight[other] - 1e-9
    assert list(adaptive_multipliers(shares, 0.0).model_dump().values()) == pytest.approx([1.0] * 4)
    full = adaptive_multipliers(shares, 1.0).model_dump()
    assert [f[cell] * full[cell] for cell in f] == pytest.approx([0.25] * 4)


def test_recent_shares_are_those_of_the_last_logged_steps():
    def entry(wrong):
        return {"shaping/confident_wrong": wrong, "shaping/uncertain_correct": 1 - wrong} | {
            "shaping/confident_correct": 0.0,
            "shaping/uncertain_wrong": 0.0,
        }

    history = [entry(1.0), {"eval_loss": 1.0}, entry(0.5), entry(0.25)]
    recent = recent_cell_shares(history, 2)
    assert (recent["confident_wrong"], recent["uncertain_correct"]) == (0.375, 0.625)
    assert set(recent_cell_shares([], 2).values()) == {0.25}


@given(batches())
def test_normalized_weights_make_the_step_of_uniform_ones(batch):
    """Samples of groups without variance have no advantage, and count nowhere."""
    entropy, correct = batch
    weights = shaping_weights(entropy, correct, median_threshold(entropy), MultipliersConfig())
    advantages = torch.where(entropy > 1, entropy - 2, 0.0)
    normalized = normalize_weights(weights, advantages)
    if (advantages != 0).any():
        step = (advantages.abs() * normalized).sum() / advantages.abs().sum()
        assert step.item() == pytest.approx(1, abs=1e-5)
    ratio = normalized / weights
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))
    assert normalize_weights(torch.zeros(3), torch.ones(3)).tolist() == [0, 0, 0]
    assert normalize_weights(torch.ones(3), torch.zeros(3)).tolist() == [1, 1, 1]


def test_half_of_a_batch_without_variance_does_not_change_the_step():
    weights, advantages = torch.tensor([2.0, 1.0, 9.0, 9.0]), torch.tensor([1.0, -1.0, 0.0, 0.0])
    assert normalize_weights(weights, advantages)[:2].tolist() == pytest.approx([4 / 3, 2 / 3])


def test_only_overconfident_errors_weigh_more():
    logps, reference = torch.tensor([[-0.1, -2.0], [-0.1, -2.0]]), torch.tensor([[-1.1, -1.0], [-1.1, -1.0]])
    weights = overconfidence_weights(logps, reference, torch.tensor([True, False]), 0.5)
    torch.testing.assert_close(weights, torch.tensor([[1.5, 1.0], [1.0, 1.0]]))


@given(batches())
def test_every_sample_stands_in_one_cell(batch):
    entropy, correct = batch
    members = shaping_cells(entropy, correct, median_threshold(entropy))
    assert torch.stack(list(members.values())).sum(dim=0).tolist() == [1] * len(correct)

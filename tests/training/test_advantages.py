import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from rlcs.training.advantages import group_advantages, recenter, reward_advantages

SIZE = 4
reward = st.none() | st.sampled_from([-1.0, 0.0, 1.0]) | st.floats(-1, 1, width=32)


@st.composite
def batches(draw):
    """(N,) rewards, nan where there is none. Doubles: in single precision rounding alone can be a spread."""
    groups = draw(st.integers(1, 4))
    drawn = draw(st.lists(reward, min_size=groups * SIZE, max_size=groups * SIZE))
    return torch.tensor([math.nan if value is None else value for value in drawn], dtype=torch.double)


@given(batches(), st.floats(0, 1))
def test_rewards_are_advantages_unless_the_group_is_skewed(rewards, max_skew):
    advantages = reward_advantages(rewards, SIZE, max_skew)
    known = rewards.nan_to_num()
    for told, given_ in zip(advantages.view(-1, SIZE), known.view(-1, SIZE), strict=True):
        dropped = abs(given_.sum()) / SIZE > max_skew
        assert torch.equal(told, torch.zeros_like(given_) if dropped else given_)


@given(batches(), st.sampled_from(["group", "batch", "none"]))
def test_group_advantages_sum_to_nothing_and_leave_out_what_has_no_reward(rewards, scale):
    advantages = group_advantages(rewards, SIZE, scale)
    assert advantages.isfinite().all()
    assert (advantages[rewards.isnan()] == 0).all()
    sums = advantages.view(-1, SIZE).sum(dim=1)
    torch.testing.assert_close(sums, torch.zeros_like(sums))


@given(st.lists(st.floats(-1, 1, width=32), min_size=2 * SIZE, max_size=2 * SIZE))
def test_group_advantages_are_trls(drawn):
    groups = torch.tensor(drawn, dtype=torch.double).view(-1, SIZE)
    centred = groups - groups.mean(dim=1, keepdim=True)
    flat = groups.view(-1)
    torch.testing.assert_close(group_advantages(flat, SIZE, "none").view(-1, SIZE), centred)
    torch.testing.assert_close(
        group_advantages(flat, SIZE).view(-1, SIZE), centred / (groups.std(dim=1, keepdim=True) + 1e-4)
    )
    torch.testing.assert_close(
        group_advantages(flat, SIZE, "batch").view(-1, SIZE), centred / (flat.std() + 1e-4)
    )


def both_orders(batch):
    """An even number of groups: each two of them are the orders of a pair."""
    return batch.view(-1, SIZE)[: len(batch) // SIZE // 2 * 2].flatten()


@given(batches(), st.sampled_from(["group", "batch", "none"]))
def test_a_baseline_over_both_orders_sums_to_nothing_over_both(drawn, scale):
    rewards = both_orders(drawn)
    advantages = group_advantages(rewards, 2 * SIZE, scale)
    sums = advantages.view(-1, 2 * SIZE).sum(dim=1)
    torch.testing.assert_close(sums, torch.zeros_like(sums))
    assert (advantages[rewards.isnan()] == 0).all()


LEVEL = torch.tensor([-1.0] + [15 / 22] * 3 + [math.nan] * SIZE, dtype=torch.double)


@given(batches(), st.sampled_from(["batch", "none"]))
@example(LEVEL, "batch")
def test_orders_of_equal_means_have_the_same_advantages_with_either_baseline(drawn, scale):
    pairs = both_orders(drawn).view(-1, 2, SIZE)
    means = pairs.nanmean(dim=2, keepdim=True).nan_to_num()
    levelled = (pairs - means).flatten()  # each order has the mean 0
    torch.testing.assert_close(
        group_advantages(levelled, 2 * SIZE, scale), group_advantages(levelled, SIZE, scale)
    )


def test_a_baseline_over_both_orders_tells_the_harder_order_from_the_easier():
    """One order is always right, the other always wrong: two groups without variance, a pair with some."""
    rewards = torch.tensor([1.0] * SIZE + [0.0] * SIZE)
    assert group_advantages(rewards, SIZE, "none").tolist() == [0.0] * 2 * SIZE
    assert group_advantages(rewards, 2 * SIZE, "none").tolist() == [0.5] * SIZE + [-0.5] * SIZE


@given(batches(), st.sampled_from(["group", "none"]))
def test_completions_without_a_reward_do_not_count(drawn, scale):
    rewards = both_orders(drawn)
    for pair, told in zip(
        rewards.view(-1, 2 * SIZE),
        group_advantages(rewards, 2 * SIZE, scale).view(-1, 2 * SIZE),
        strict=True,
    ):
        known = pair[~pair.isnan()]
        if len(known) > 1:
            alone = group_advantages(known, len(known), scale)
            torch.testing.assert_close(told[~pair.isnan()], alone, atol=1e-4, rtol=1e-3)


@given(st.lists(st.floats(-2, 2, width=16) | st.just(0.0), min_size=2 * SIZE, max_size=2 * SIZE))
def test_recentred_groups_sum_to_nothing_and_zeros_stay(drawn):
    advantages = torch.tensor(drawn)
    moved = recenter(advantages, SIZE)
    sums = moved.view(-1, SIZE).sum(dim=1)
    torch.testing.assert_close(sums, torch.zeros_like(sums), atol=1e-5, rtol=0)
    assert (moved[advantages == 0] == 0).all()
    torch.testing.assert_close(recenter(moved, SIZE), moved, atol=1e-5, rtol=1e-5)


def test_recentring_by_hand():
    advantages = torch.tensor([3.0, -1.0, 0.0, 1.0])
    assert recenter(advantages, 4).tolist() == pytest.approx([2.0, -2.0, 0.0, 0.0])

"""The dynamic penalty's guarantee on every group that hypothesis finds."""

from fractions import Fraction
from statistics import fmean

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlcs.rewards.penalty import all_violate, apply_penalty, fixed_weight_reward, verifier_reward

rewards = st.floats(-10, 10, allow_subnormal=False)
story = st.tuples(st.none() | rewards, st.sampled_from([0, 0, 1, 2, 5]))
groups = st.lists(story, min_size=2, max_size=16)
margins = st.floats(0.05, 2)


def advantages(rewards, scale):
    """As TRL computes them: float32, None left out and at 0."""
    values = torch.tensor([torch.nan if reward is None else reward for reward in rewards])
    centred = values - values.nanmean()
    if scale:
        known = values[~values.isnan()]
        centred = centred / ((known.std(correction=1) if len(known) > 1 else torch.tensor(0.0)) + 1e-4)
    return centred.nan_to_num(nan=0.0).tolist()


@given(group=groups, margin=margins, per_constraint=st.booleans(), scale=st.booleans())
def test_every_violator_has_a_negative_advantage(group, margin, per_constraint, scale):
    given_rewards, broken = zip(*group, strict=True)
    if all_violate(given_rewards, broken):
        return
    after = apply_penalty(given_rewards, broken, margin=margin, per_constraint=per_constraint)
    assert all(a < 0 for a, count in zip(advantages(after, scale), broken, strict=True) if count)


@given(group=groups, margin=margins, per_constraint=st.booleans())
def test_compliant_stories_keep_their_rewards_and_violators_lose(group, margin, per_constraint):
    before, broken = zip(*group, strict=True)
    after = apply_penalty(before, broken, margin=margin, per_constraint=per_constraint)
    assert len(after) == len(before)
    for old, new, count in zip(before, after, broken, strict=True):
        if not count or all_violate(before, broken):
            assert new == old
        else:
            assert new is not None
            assert old is None or new < old


@given(group=groups, margin=margins, per_constraint=st.booleans())
def test_nothing_changes_without_violators(group, margin, per_constraint):
    before = [reward for reward, _ in group]
    assert apply_penalty(before, [0] * len(before), margin=margin, per_constraint=per_constraint) == before


@given(group=groups, margin=margins)
def test_nothing_changes_where_all_violate(group, margin):
    before = [reward for reward, _ in group]
    broken = [max(1, count) for _, count in group]
    assert all_violate(before, broken)
    assert apply_penalty(before, broken, margin=margin) == before


whole = st.lists(st.tuples(rewards, st.sampled_from([0, 0, 1])), min_size=2, max_size=16)


@given(group=whole, margin=margins)
def test_it_is_the_closed_form(group, margin):
    """In exact arithmetic, by the formula's own words."""
    before, broken = zip(*group, strict=True)
    if not any(broken) or all(broken):
        return
    size, violators = len(before), sum(broken)
    mean = sum(map(Fraction, before)) / size
    highest = max(Fraction(r) for r, count in group if count)
    delta = Fraction(size, size - violators) * max(Fraction(0), highest - mean) + Fraction(margin)
    expected = [Fraction(r) - delta if count else Fraction(r) for r, count in group]
    assert apply_penalty(before, broken, margin=margin) == pytest.approx([float(e) for e in expected])
    new_mean = sum(expected) / size
    assert all(e < new_mean for e, count in zip(expected, broken, strict=True) if count)


def test_violators_that_break_more_lose_more():
    after = apply_penalty([1, 1, 1, 1], [0, 1, 2, 4], margin=0.5, per_constraint=True)
    assert after[1] - after[2] == pytest.approx(0.5)
    assert after[1] - after[3] == pytest.approx(1.5)
    same = apply_penalty([1, 1, 1, 1], [0, 1, 2, 4], margin=0.5)
    assert same == pytest.approx([1, 0.5, 0.5, 0.5])


def test_a_violator_that_the_judge_failed_on_counts_as_average_before_the_penalty():
    after = apply_penalty([1.0, 0.0, None, None], [0, 0, 1, 0], margin=0.25)
    assert after == [1.0, 0.0, 0.25, None]
    assert after[2] < fmean(reward for reward in after if reward is not None)


@pytest.mark.parametrize(
    ("rewards_", "broken", "expected"),
    [
        ([1, 2], [0, 0], False),
        ([1, 2], [0, 1], False),
        ([1, 2], [3, 1], True),
        ([None, 2], [0, 1], True),
        ([None, None], [0, 0], False),
        ([None, None], [1, 0], True),
    ],
)
def test_all_violate(rewards_, broken, expected):
    assert all_violate(rewards_, broken) is expected


@pytest.mark.parametrize("margin", [0, -1.0])
def test_a_margin_that_guarantees_nothing_is_refused(margin):
    with pytest.raises(ValueError, match="must be greater than 0"):
        apply_penalty([1.0], [0], margin=margin)


@pytest.mark.parametrize(
    ("checks", "whole_", "share"),
    [
        ([], 1, 1),
        ([True, True], 1, 1),
        ([True, False], 0, 0.5),
        ([False], 0, 0),
        ([None], None, None),
        ([None, True], 1, 1),
        ([None, True, False, False], 0, 1 / 3),
    ],
)
def test_verifier_reward(checks, whole_, share):
    assert verifier_reward(checks) == whole_
    assert verifier_reward(checks, per_constraint=True) == share


@pytest.mark.parametrize(
    ("writing", "verifier", "weight", "expected"),
    [
        (2.0, 1.0, 0.0, 2.0),
        (2.0, 1.0, 1.0, 1.0),
        (2.0, 1.0, 0.25, 1.75),
        (None, 1.0, 0.5, None),
        (2.0, None, 0, None),
    ],
)
def test_weighted(writing, verifier, weight, expected):
    assert fixed_weight_reward(writing, verifier, weight) == expected


def test_the_slogan_of_the_papers_first_figure():
    """By writing alone, 8.9 and 9.0, the slogan that breaks the constraint wins; the verifier turns it."""
    writing, violated = [8.9, 9.0], [0, 1]
    kept, broken = apply_penalty(writing, violated, margin=0.5)
    mean = (kept + broken) / 2
    assert kept > mean > broken

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.records import Judgement
from rlcs.rewards.pivots import draw_pivots, pivot_rewards, plan_comparisons, skew
from rlcs.verdict import soft_win_probability, win_probability

SEEDS = {"seed": 0, "step": 3, "group": 1}


@st.composite
def groups(draw):
    """(group size, pivots)."""
    size = draw(st.integers(2, 8))
    pivots = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=size - 1, unique=True))
    return size, sorted(pivots)


@st.composite
def judged_groups(draw):
    """(group size, pivots, outcomes of the planned comparisons, some of them failed)."""
    size, pivots = draw(groups())
    planned = {(story, pivot) for story, pivot, _ in plan_comparisons(size, pivots, orders="both", **SEEDS)}
    probability = st.none() | st.floats(0, 1)
    return size, pivots, {key: draw(probability) for key in sorted(planned)}


def judged(size, pivots, judge, orders="both"):
    """Rewards by a judge: (first, second) -> whether the first is better, None for a tie."""
    verdicts = {}
    for story, pivot, order in plan_comparisons(size, pivots, orders=orders, **SEEDS):
        said = judge(story, pivot) if order == "ab" else judge(pivot, story)
        verdict = "tie" if said is None else "a" if said == (order == "ab") else "b"
        verdicts.setdefault((story, pivot), []).append(verdict)
    return pivot_rewards(size, {key: win_probability(v) for key, v in verdicts.items()}, pivots)


@given(groups(), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_pivots_are_distinct_positions_and_drawn_again_the_same(size_pivots, seed, step, group):
    size, pivots = size_pivots
    drawn = draw_pivots(size, len(pivots), seed=seed, step=step, group=group)
    assert drawn == draw_pivots(size, len(pivots), seed=seed, step=step, group=group)
    assert len(set(drawn)) == len(pivots)
    assert set(drawn) <= set(range(size))


def test_pivots_vary_with_seed_step_and_group():
    for name in ("seed", "step", "group"):
        draws = {tuple(draw_pivots(8, 1, **{**SEEDS, name: value})) for value in range(100)}
        assert draws == {(position,) for position in range(8)}


@pytest.mark.parametrize(("size", "pivots"), [(4, 0), (4, 4), (1, 1), (4, -1)])
def test_impossible_numbers_of_pivots_are_refused(size, pivots):
    with pytest.raises(ValueError, match=f"pivots = {pivots}"):
        draw_pivots(size, pivots, **SEEDS)


@given(groups())
def test_plan_of_both_orders(size_pivots):
    size, pivots = size_pivots
    comparisons = plan_comparisons(size, pivots, orders="both", **SEEDS)
    assert len(set(comparisons)) == len(comparisons)
    met = [frozenset((story, pivot)) for story, pivot, order in comparisons if order == "ab"]
    assert sorted(map(sorted, met)) == sorted(
        [i, j] for i in range(size) for j in range(i + 1, size) if i in pivots or j in pivots
    )
    assert {(s, p) for s, p, o in comparisons if o == "ab"} == {
        (s, p) for s, p, o in comparisons if o == "ba"
    }
    firsts = [story if order == "ab" else pivot for story, pivot, order in comparisons]
    assert firsts == sorted(firsts)


@given(groups())
def test_plan_of_a_random_order_is_half_of_both(size_pivots):
    size, pivots = size_pivots
    both = plan_comparisons(size, pivots, orders="both", **SEEDS)
    once = plan_comparisons(size, pivots, orders="random", **SEEDS)
    assert once == plan_comparisons(size, pivots, orders="random", **SEEDS)
    assert set(once) <= set(both)
    assert {c[:2] for c in once} == {c[:2] for c in both}
    assert len(once) * 2 == len(both)


def test_random_orders_are_balanced():
    orders = [
        c[2]
        for step in range(200)
        for c in plan_comparisons(8, [0], orders="random", seed=0, step=step, group=0)
    ]
    assert 0.45 < orders.count("ab") / len(orders) < 0.55


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["a", "a"], 1),
        (["b", "b"], 0),
        (["a", "b"], 0.5),
        (["tie", "tie"], 0.5),
        (["a", "tie"], 0.75),
        (["a", "none"], 1),
        (["none", "none"], None),
        ([], None),
    ],
)
def test_win_probability(verdicts, expected):
    assert win_probability(verdicts) == expected
    judgements = [Judgement("p", "ab", "j", verdict) for verdict in verdicts]
    assert soft_win_probability(judgements) == expected


def test_soft_win_probability_takes_the_judges_own_where_known():
    soft = Judgement("p", "ab", "j", "a", p_a=0.7)
    hard = Judgement("p", "ba", "j", "b")
    assert soft_win_probability([soft]) == 0.7
    assert soft_win_probability([soft, hard]) == pytest.approx(0.35)


@given(judged_groups())
def test_rewards_are_in_range_and_none_only_where_every_comparison_failed(group):
    size, pivots, outcomes = group
    rewards = pivot_rewards(size, outcomes, pivots)
    assert len(rewards) == size
    for story, reward in enumerate(rewards):
        failed = story not in pivots and all(outcomes[story, pivot] is None for pivot in pivots)
        assert (reward is None) == failed
        assert reward is None or -1 <= reward <= 1


@given(judged_groups(), st.randoms(use_true_random=False))
def test_permuting_the_stories_permutes_the_rewards(group, shuffler: random.Random):
    size, pivots, outcomes = group
    to = list(range(size))
    shuffler.shuffle(to)
    moved = pivot_rewards(
        size, {(to[i], to[p]): v for (i, p), v in outcomes.items()}, [to[p] for p in pivots]
    )
    for story, reward in enumerate(pivot_rewards(size, outcomes, pivots)):
        assert moved[to[story]] == (None if reward is None else pytest.approx(reward))


@given(groups(), st.booleans())
def test_a_judge_that_goes_by_position_gives_nothing(size_pivots, first):
    size, pivots = size_pivots
    assert judged(size, pivots, lambda *_: first) == [0] * size


@given(groups(), st.data(), st.sampled_from(["both", "random"]))
def test_a_judge_that_knows_gives_monotone_rewards(size_pivots, data, orders):
    size, pivots = size_pivots
    worth = data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    rewards = judged(
        size, pivots, lambda i, j: None if worth[i] == worth[j] else worth[i] > worth[j], orders=orders
    )
    for i in range(size):
        for j in range(size):
            if worth[i] <= worth[j]:
                assert rewards[i] <= rewards[j]
    assert worth[pivots[0]] == min(worth) or min(rewards) < 0


def test_the_only_pivot_gets_zero_even_where_everything_failed():
    assert pivot_rewards(3, {(0, 1): 1.0, (2, 1): 0.25}, [1]) == [1, 0, -0.5]
    assert pivot_rewards(3, {(0, 1): None, (2, 1): None}, [1]) == [None, 0, None]


def test_two_pivots_meet_once_and_both_learn_from_it():
    outcomes = {(0, 1): 1.0, (0, 2): 0.5, (1, 2): 1.0}
    assert pivot_rewards(3, outcomes, [1, 2]) == [0.5, 0.5, -0.5]


def test_a_comparison_that_was_forgotten_is_an_error():
    with pytest.raises(KeyError):
        pivot_rewards(3, {(0, 1): 1.0}, [1])


@given(judged_groups())
def test_a_comparison_that_both_lose_costs_both_and_nobody_else(group):
    size, pivots, outcomes = group
    plain = pivot_rewards(size, outcomes, pivots)
    for story, pivot in outcomes:
        punished = pivot_rewards(size, outcomes, pivots, lost_by_both=[(story, pivot)])
        touched = {story, pivot} if story in pivots else {story}  # a pivot's points come from pivots alone
        for i in range(size):
            if i not in touched:
                assert punished[i] == plain[i]
            elif outcomes[story, pivot] is not None:
                assert punished[i] <= plain[i] + 1e-9
    everything = pivot_rewards(size, outcomes, pivots, lost_by_both=outcomes)
    if len(pivots) == 1:
        assert everything == [0.0 if i in pivots else -1.0 for i in range(size)]


@given(st.lists(st.none() | st.floats(-1, 1), min_size=1, max_size=8))
def test_skew_is_a_share_that_ignores_the_sign(rewards):
    assert 0 <= skew(rewards) <= 1
    assert skew([None if reward is None else -reward for reward in rewards]) == skew(rewards)


def test_skew_of_a_group_that_agrees_is_one():
    assert skew([1.0, 1.0, 1.0, 1.0]) == 1
    assert skew([1.0, -1.0, None, 0.0]) == 0
    assert skew([1.0, None]) == 0.5

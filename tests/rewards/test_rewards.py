"""Rewards as TRL calls them, with judges that are known by heart."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rlcs.config.judging import ScoresConfig
from rlcs.config.story_rewards import StoryRewardConfig
from rlcs.errors import InputError
from rlcs.records import Comparison, Context, Judgement
from rlcs.rewards.label_likelihood import label_probability
from rlcs.rewards.pivot_reward import PivotReward
from rlcs.rewards.pivots import draw_pivots
from rlcs.rewards.verdict_reward import VerdictReward, consistent_rewards, verdict_reward
from rlcs.verdict import compare, read_judgement, score_line

CONTEXTS = {name: Context(name, "story", "", "", f"outline of {name}", (), "train") for name in ("c1", "c2")}
SIZE = 4


@pytest.mark.parametrize(
    ("text", "order", "label", "reward"),
    [
        ("Scores: 7 4", "ab", "a", 1.0),
        ("Scores: 7 4", "ab", "b", 0.0),
        ("Scores: 7 4", "ba", "b", 1.0),
        ("Scores: 7 4", "ba", "a", 0.0),
        ("Scores: 5 5", "ab", "tie", 1.0),
        ("Scores: 5 5", "ba", "a", 0.0),
        ("good\n\nbetter\nScores: 1 9 \n", "ab", "b", 1.0),
        ("Scores: 7 10", "ab", "b", -1.0),
        ("Scores: 0 4", "ab", "b", -1.0),
        ("Scores: 7 4\nI am sure.", "ab", "a", -1.0),
        ("7 4", "ab", "a", -1.0),
        ("", "ba", "a", -1.0),
    ],
)
def test_verdict_reward(text, order, label, reward):
    assert verdict_reward(text, order, label, 1, 9) == reward


END, LIMIT = 2, 5


@pytest.mark.parametrize("high", [9, 10])
@pytest.mark.parametrize(
    ("ids", "reward"),
    [
        ([8, 8, 8, 8, 8], -1.0),  # cut by the limit: it may have been "Scores: 1 10"
        ([8, 8, 8, 8, END], 1.0),  # ended with the last token that it may have
        ([8, 8, END], 1.0),
        ([8, 8, 8, 8], 1.0),  # ended by something else, such as a stop string
    ],
)
def test_a_verdict_that_the_limit_cut_is_not_read(high, ids, reward, context):
    text, logged = "Scores: 2 1", {}
    (given_reward,) = VerdictReward(ScoresConfig(low=1, high=high), limit=LIMIT, stop_tokens=[END, 7])(
        prompts=[None],
        completions=said(text),
        completion_ids=[ids],
        order=["ab"],
        label=["a"],
        pair_id=["p"],
        log_metric=logged.__setitem__,
    )
    assert given_reward == reward
    assert logged["unparsed"] == float(reward == -1)
    truncated = len([token for token in ids if token != END]) == LIMIT  # as ``generate`` decides it
    comparison = Comparison("p", context, "x", "y", "ab")
    judged = read_judgement(comparison, "j", text, len(ids), 1, high, truncated=truncated)
    assert (judged.verdict == "none") == (reward == -1)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from("ab"))
def test_verdict_reward_in_one_order_is_that_of_the_mirrored_answer_in_the_other(first, second, label):
    shown = verdict_reward(score_line(first, second), "ab", label, 1, 9)
    swapped = verdict_reward(score_line(second, first), "ba", label, 1, 9)
    assert shown == swapped == float(compare(first, second) == label)


def said(*texts):
    return [[{"role": "assistant", "content": text}] for text in texts]


def test_verdict_reward_as_trl_calls_it():
    logged = {}
    rewards = VerdictReward(ScoresConfig(low=1, high=9), limit=LIMIT, stop_tokens=[END])(
        prompts=[None] * 4,
        completions=said("Scores: 2 1", "Scores: 2 1", "Scores: 1 2", "so so"),
        completion_ids=[[1]] * 4,
        order=["ab", "ba", "ba", "ab"],
        label=["a", "a", "a", "a"],
        pair_id=["p1", "p2", "p2", "p1"],
        log_metric=logged.__setitem__,
        trainer_state=None,
    )
    assert rewards == [1.0, 0.0, 1.0, -1.0]
    assert logged == {"accuracy": 0.5, "unparsed": 0.25}


@pytest.mark.parametrize(
    ("ab", "ba", "expected"),
    [
        ([1, 1], [1, 1], [1, 1, 1, 1]),
        ([1, 1], [1, 0], [1, 0, 1, 0]),
        ([0, 1], [1, 0], [0, 0, 0, 0]),
        ([1, 1], [-1, 1], [0, 1, -1, 1]),  # what could not be read costs its partner the 1, no more
        ([-1, 0], [0, -1], [-1, 0, 0, -1]),
        ([-1], [-1], [-1, -1]),
    ],
)
def test_consistent_rewards_match_the_completions_of_the_two_orders(ab, ba, expected):
    order = ["ab"] * len(ab) + ["ba"] * len(ba)
    assert consistent_rewards([*ab, *ba], ["p"] * len(order), order) == expected


@given(st.lists(st.tuples(*[st.sampled_from([1.0, 0.0, -1.0])] * 2), max_size=6), st.randoms())
def test_consistent_rewards_look_at_the_pair_and_not_at_the_place(pairs, rng):
    rows = [
        (f"p{n}", order, r)
        for n, both in enumerate(pairs)
        for order, r in zip(("ab", "ba"), both, strict=True)
    ]
    rng.shuffle(rows)
    names, orders, rewards = zip(*rows, strict=True) if rows else ([], [], [])
    found = consistent_rewards(rewards, names, orders)
    for name, own, reward in zip(names, rewards, found, strict=True):
        both_right = set(pairs[int(name[1:])]) == {1.0}
        assert reward == (1.0 if both_right else min(own, 0.0))


def test_a_pair_that_was_parted_is_refused():
    with pytest.raises(ValueError, match="pair 'p2' has 1 completions in order ab and 0 in ba"):
        consistent_rewards([1, 1, 1], ["p1", "p1", "p2"], ["ab", "ba", "ab"])


def test_the_consistent_reward_as_trl_calls_it():
    logged = {}
    rewards = VerdictReward(ScoresConfig(low=1, high=9), limit=LIMIT, stop_tokens=[END], consistent=True)(
        prompts=[None] * 4,
        completions=said("Scores: 2 1", "Scores: 2 1", "Scores: 1 2", "so so"),
        completion_ids=[[1]] * 4,
        order=["ab", "ab", "ba", "ba"],
        label=["a"] * 4,
        pair_id=["p"] * 4,
        log_metric=logged.__setitem__,
    )
    assert rewards == [1.0, 0.0, 1.0, -1.0]
    assert logged == {"accuracy": 0.75, "unparsed": 0.25, "consistent": 0.5}


@given(st.floats(0, 1), st.sampled_from("ab"))
def test_the_likelihood_of_a_label_and_of_the_other_is_one(p, label):
    other = {"a": "b", "b": "a"}[label]
    assert label_probability(p, "ab", label) + label_probability(p, "ab", other) == pytest.approx(1)
    assert label_probability(p, "ab", label) == label_probability(p, "ba", other)
    assert label_probability(p, "ab", "a") == label_probability(p, "ba", "b") == p


def test_the_likelihood_rewards_what_can_be_read_and_nothing_else():
    """An answer whose scores are no tokens has no reward, and one that cannot be read has -1."""
    asked, logged = [], []

    def likelihood(prompts, completion_ids, order, label, is_read):
        asked.append((prompts, completion_ids, order, label, is_read))
        return [0.75, None, 0.25, None, None]

    rewards = VerdictReward(
        ScoresConfig(low=1, high=9), limit=LIMIT, stop_tokens=[END], likelihood=likelihood
    )(
        prompts=list("qrstu"),
        completions=said("Scores: 2 1", "Scores: 2 1", "Scores: 1 2", "so so", "Scores: 2 1"),
        completion_ids=[[1]] * 4 + [[8] * LIMIT],
        order=["ab", "ab", "ba", "ba", "ba"],
        label=list("abbba"),
        pair_id=["p"] * 5,
        log_metric=lambda name, value: logged.append((name, value)),
    )
    assert rewards == [0.75, None, 0.25, -1.0, -1.0]
    assert asked[0][-1] == [True, True, True, False, False]
    likely = [("label_probability", 0.75), ("label_probability", 0.25)]
    assert logged == [("accuracy", 0.2), ("unparsed", 0.4), *likely]


class FakeJudge:
    """Answers by a rule over the stories in the order shown: ``first``, ``second``, ``tie`` or ``none``."""

    name = "fake"

    def __init__(self, rule):
        self.rule = rule
        self.calls = []

    def judge(self, comparisons):
        self.calls.append(comparisons)
        return [self._judge(comparison) for comparison in comparisons]

    def _judge(self, c):
        said = self.rule(c.first, c.second)
        by_place = {"first": "ab"[c.order == "ba"], "second": "ab"[c.order == "ab"]}
        return Judgement(c.pair_id, c.order, self.name, by_place.get(said, said))


def by_number(first, second):
    """Prefers the story with the larger number."""
    if first == second:
        return "tie"
    return "first" if float(first) > float(second) else "second"


def rewarded(judge, stories, *, step=0, seed=0, contexts=None, size=SIZE, chosen=None, **reward):
    """Rewards and logged metrics, called as TRL calls a reward function."""
    logged = {}
    rewards = PivotReward(
        judge, CONTEXTS, StoryRewardConfig(judge="fake", **reward), group_size=size, seed=seed, chosen=chosen
    )(
        prompts=[None] * len(stories),
        completions=said(*stories),
        completion_ids=[[1]] * len(stories),
        context_id=contexts or ["c1"] * len(stories),
        trainer_state=SimpleNamespace(global_step=step),
        log_metric=logged.__setitem__,
        log_extra=None,
    )
    return rewards, logged


@given(
    st.lists(st.integers(0, 9), min_size=8, max_size=8),
    st.integers(1, 3),
    st.sampled_from(["both", "random"]),
    st.integers(0, 50),
)
def test_a_judge_who_knows_the_order_gives_rewards_in_that_order(numbers, pivots, orders, step):
    stories = [str(number) for number in numbers]
    rewards, _ = rewarded(FakeJudge(by_number), stories, step=step, pivots=pivots, orders=orders)
    assert len(rewards) == 8
    for group in (slice(0, SIZE), slice(SIZE, 8)):
        for number, reward in zip(numbers[group], rewards[group], strict=True):
            assert -1 <= reward <= 1
            for other, other_reward in zip(numbers[group], rewards[group], strict=True):
                if number >= other:
                    assert reward >= other_reward


@given(st.integers(1, 3), st.integers(0, 50))
def test_a_judge_who_looks_at_the_place_alone_gives_nothing(pivots, step):
    for place in ("first", "second"):
        judge = FakeJudge(lambda first, second, place=place: place)
        rewards, logged = rewarded(judge, list("1234"), pivots=pivots, step=step)
        assert rewards == [0.0] * SIZE
        assert logged["judge/inconsistent"] == 1.0


def test_swapping_whom_the_judge_likes_turns_the_rewards_round():
    stories = ["3", "1", "4", "2"]
    better, _ = rewarded(FakeJudge(by_number), stories)
    worse, _ = rewarded(FakeJudge(lambda first, second: by_number(second, first)), stories)
    assert worse == [-reward for reward in better]
    assert any(better)


def test_one_call_for_all_groups_each_with_its_own_context():
    judge = FakeJudge(by_number)
    rewards, logged = rewarded(judge, list("12345678"), contexts=["c1"] * SIZE + ["c2"] * SIZE)
    (asked,) = judge.calls
    assert logged["judge/calls"] == len(asked) == 2 * 2 * (SIZE - 1)
    for c in asked:
        stories = {"c1": "1234", "c2": "5678"}[c.context.context_id]
        assert {c.story_a, c.story_b} <= set(stories)
    assert len({(c.pair_id, c.order) for c in asked}) == len(asked)
    assert len(rewards) == 2 * SIZE
    rewarded(judge, list("1234"), orders="random")
    assert len(judge.calls[1]) == SIZE - 1


def test_a_failed_comparison_is_left_out():
    def unsure_of_four(first, second):
        return "none" if "4" in (first, second) else by_number(first, second)

    for step in range(20):
        rewards, logged = rewarded(FakeJudge(unsure_of_four), list("1234"), step=step, max_failure_share=1)
        if any(rewards[:3]):  # 4 is not the pivot
            assert rewards[3] is None
            assert None not in rewards[:3]
            assert logged["judge/failed"] == pytest.approx(1 / 3)
            assert logged["judge/inconsistent"] == 0.0
        else:  # 4 is the pivot: nobody was compared
            assert rewards == [None, None, None, 0.0]
            assert "judge/inconsistent" not in logged


def test_one_order_that_failed_leaves_the_other():
    class FirstOrderOnly(FakeJudge):
        def _judge(self, c):
            judgement = super()._judge(c)
            return judgement if c.order == "ab" else replace(judgement, verdict="none")

    half, logged = rewarded(FirstOrderOnly(by_number), list("1234"), max_failure_share=0.5)
    assert half == rewarded(FakeJudge(by_number), list("1234"))[0]
    assert logged["judge/failed"] == 0.5
    assert "judge/inconsistent" not in logged


def test_too_many_failures_stop_the_training_and_say_how_many():
    def never(first, second):
        return "none"

    expected = r"6 of the last 6 judgements of 'fake' failed, .*\.max_failure_share = 5% of 100; "
    with pytest.raises(InputError, match=expected) as error:
        rewarded(FakeJudge(never), list("1234"), max_failure_share=0.05)
    assert "\n" not in str(error.value)
    rewards, logged = rewarded(FakeJudge(never), list("1234"), max_failure_share=1)
    assert [reward for reward in rewards if reward is not None] == [0.0]  # the pivot against itself
    assert logged["judge/failed"] == 1.0


def test_orders_that_contradict_each_other_give_nothing_or_cost():
    """With two pivots: both stories of a disputed comparison lose it, a pivot too."""

    def first_if_two(first, second):
        return "first" if "2" in (first, second) else by_number(first, second)

    for step in range(20):
        kept, _ = rewarded(FakeJudge(first_if_two), list("1234"), step=step, pivots=2)
        punished, _ = rewarded(FakeJudge(first_if_two), list("1234"), step=step, pivots=2, disagreement=-1)
        pivots = draw_pivots(SIZE, 2, seed=0, step=step, group=0)
        for i in range(SIZE):
            disputed = sum(pivot != i and 1 in (i, pivot) for pivot in pivots)
            assert punished[i] == pytest.approx(kept[i] - disputed / 2)


def test_the_only_pivot_cannot_be_charged_for_a_disagreement():
    with pytest.raises(ValidationError, match="disagreement: -1 needs pivots above 1"):
        StoryRewardConfig(judge="fake", disagreement=-1)


def test_a_tie_and_a_win_disagree_in_the_reward_as_in_the_log():
    def tie_if_shown_second(first, second):
        return "tie" if first < second else "first"

    kept, _ = rewarded(FakeJudge(tie_if_shown_second), list("1234"), pivots=2)
    punished, logged = rewarded(FakeJudge(tie_if_shown_second), list("1234"), pivots=2, disagreement=-1)
    assert logged["judge/inconsistent"] == 1.0
    # every comparison is lost by both; a pivot meets one other story, itself not
    assert sorted(punished) == [-1.0] * (SIZE - 2) + [-0.5] * 2
    assert all(-0.5 <= reward <= 0.5 for reward in kept)


def test_soft_points_are_the_judges_probabilities_and_fall_back_on_verdicts():
    class Sure(FakeJudge):
        """Knows p only where the first story is 4."""

        def _judge(self, c):
            judgement = super()._judge(c)
            p_first = 0.9 if c.first == "4" else None
            return replace(judgement, p_a=None if p_first is None else p_first if c.order == "ab" else 0.1)

    stories = list("1234")
    for step in range(10):
        hard, _ = rewarded(Sure(by_number), stories, step=step, probability="hard")
        soft, _ = rewarded(Sure(by_number), stories, step=step, probability="soft")
        assert rewarded(Sure(by_number), stories, step=step) == rewarded(
            Sure(by_number), stories, step=step, probability="auto"
        )
        assert rewarded(Sure(by_number), stories, step=step)[0] == soft
        if hard == [-1.0, -1.0, -1.0, 0.0]:  # 4 is the pivot: p is 0.1 in one order, 0 in the other
            assert soft == pytest.approx([-0.9, -0.9, -0.9, 0.0])
        else:
            assert soft[3] == pytest.approx(0.9)
            assert soft[:3] == hard[:3]


def test_what_could_not_be_read_and_what_was_not_had_are_told_apart():
    class Mumbling(FakeJudge):
        def _judge(self, c):
            judgement = super()._judge(c)
            if "2" not in (c.first, c.second):
                return judgement
            said = {"raw": "well", "truncated": "4" in (c.first, c.second)} if c.order == "ab" else {}
            return replace(judgement, verdict="none", **said)

    _, logged = rewarded(Mumbling(by_number), list("1234"), max_failure_share=1, pivots=3)
    assert (logged["judge/unparsed"], logged["judge/failed"]) == (0.25, 0.25)
    assert logged["judge/truncated"] == pytest.approx(1 / 12)


def test_every_step_logs_skew_diversity_and_repetition():
    stories = ["a b c d e", "a b c d a b c d", "x", "y z"]
    _, logged = rewarded(FakeJudge(lambda first, second: "first"), stories, pivots=1)
    assert logged["judge/skew"] == 0.0
    assert logged["stories/repeated"] == pytest.approx((0 + 1 / 5) / 2)
    assert logged["stories/distinct_2"] == pytest.approx(6 / 12)
    _, logged = rewarded(FakeJudge(by_number), list("1111") + list("1234"))
    assert 0 <= logged["judge/skew"] <= 3 / 8


@pytest.mark.parametrize(("orders", "calls"), [("both", 2), ("random", 1)])
def test_a_chosen_pivot_is_a_persons_story_that_every_rollout_meets_once(orders, calls):
    judge = FakeJudge(by_number)
    rewards, logged = rewarded(judge, list("1234"), orders=orders, pivot="chosen", chosen={"c1": ["2"]})
    assert rewards == [-1.0, 0.0, 1.0, 1.0]
    (asked,) = judge.calls
    assert len(asked) == logged["judge/calls"] == calls * SIZE
    assert {c.story_b for c in asked} == {"2"}
    assert logged["judge/drawn_pivots"] == 0.0


def test_a_chosen_pivot_is_drawn_anew_for_each_group_and_the_same_when_resumed():
    def met(**draw):
        judge = FakeJudge(by_number)
        rewarded(judge, list("1234"), pivot="chosen", chosen={"c1": list("56789")}, **draw)
        return {c.story_b for c in judge.calls[0]}

    assert met(step=3) == met(step=3)
    assert len(set.union(*(met(step=step) for step in range(30)))) == 5


def test_a_context_without_a_chosen_story_has_a_drawn_pivot_and_is_counted():
    contexts = ["c1"] * SIZE + ["c2"] * SIZE
    stories = list("12345678")
    rewards, logged = rewarded(
        FakeJudge(by_number), stories, contexts=contexts, pivot="chosen", chosen={"c1": ["2"]}
    )
    drawn, _ = rewarded(FakeJudge(by_number), stories, contexts=contexts)
    assert rewards[:SIZE] == [-1.0, 0.0, 1.0, 1.0]
    assert rewards[SIZE:] == drawn[SIZE:]
    assert logged["judge/drawn_pivots"] == 0.5


def test_a_chosen_pivot_that_nobody_chose_is_refused():
    with pytest.raises(InputError, match="pivot: chosen needs a training pair"):
        rewarded(FakeJudge(by_number), list("1234"), pivot="chosen", chosen={})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pivots": 2}, "pivot: chosen is one story a group, but pivots is 2"),
        ({"kind": "scalar"}, "kind: scalar compares with no pivot"),
        ({"disagreement": -1}, "disagreement: -1 needs pivots above 1"),
    ],
)
def test_what_does_not_go_with_a_chosen_pivot_is_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        StoryRewardConfig(judge="fake", pivot="chosen", **options)


def test_draws_depend_on_seed_and_step_alone():
    def asked(**draw):
        judge = FakeJudge(by_number)
        rewards, _ = rewarded(judge, list("12345678"), orders="random", **draw)
        return rewards, judge.calls

    assert asked(seed=1, step=5) == asked(seed=1, step=5)
    assert len({str(asked(seed=1, step=step)) for step in range(10)}) > 5
    assert len({str(asked(seed=seed, step=5)) for seed in range(10)}) > 5

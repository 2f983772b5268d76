"""The reward of a GenRM that reads one story: the preferred story of a pair has the higher score."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.judging import ScoresConfig
from rlcs.rewards.score_reward import ScoreReward, score_rewards

scores = st.none() | st.integers(1, 9)


@pytest.mark.parametrize(
    ("a", "b", "label", "expected"),
    [
        ([7, 4], [4, 7], "a", [1, 0, 1, 0]),
        ([7, 4], [4, 7], "b", [0, 1, 0, 1]),
        ([5], [5], "a", [0.5, 0.5]),
        ([None, 7], [7, None], "a", [-1, 0, 0, -1]),
        ([None], [None], "b", [-1, -1]),
    ],
)
def test_matching_scores_are_compared(a, b, label, expected):
    order = ["ab"] * len(a) + ["ba"] * len(b)
    assert score_rewards([*a, *b], ["p"] * len(order), order, [label] * len(order)) == expected


@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=6), st.sampled_from("ab"))
def test_the_other_label_turns_every_reward_round(pairs, label):
    both = [score for side in zip(*pairs, strict=True) for score in side]
    order = ["ab"] * len(pairs) + ["ba"] * len(pairs)
    other = "b" if label == "a" else "a"
    rewards, turned = (
        score_rewards(both, ["p"] * len(order), order, [shown] * len(order)) for shown in (label, other)
    )
    for score, reward, opposite, partner in zip(
        both, rewards, turned, both[len(pairs) :] + both[: len(pairs)], strict=True
    ):
        if score is None:
            assert reward == opposite == -1
        elif partner is None:
            assert reward == opposite == 0
        else:
            assert reward + opposite == 1


def test_a_pair_in_two_batches_is_an_error():
    with pytest.raises(ValueError, match="1 completions in order ab and 0 in ba"):
        score_rewards([7], ["p"], ["ab"], ["a"])


def test_the_reward_as_trl_calls_it():
    texts = ["good\nScore: 7", "bad\nScore: 4", "Score: 5", "Scores: 5 4", "Score: 6", "Score: 6"]
    logged = {}
    rewards = ScoreReward(ScoresConfig(), limit=5, stop_tokens=[2])(
        prompts=[None] * 6,
        completions=[[{"role": "assistant", "content": text}] for text in texts],
        completion_ids=[[1]] * 6,
        order=["ab", "ba"] * 3,
        label=["a", "a", "b", "b", "b", "b"],
        pair_id=["p", "p", "q", "q", "r", "r"],
        log_metric=logged.__setitem__,
        trainer_state=None,
    )
    assert rewards == [1, 1, 0, -1, 0.5, 0.5]
    assert logged == {
        "accuracy": pytest.approx(0.5),
        "unparsed": pytest.approx(1 / 6),
    }

"""The reward for evidence that an analysis shares with a teacher's chain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.judging import ScoresConfig
from rlcs.records import Judgement
from rlcs.rewards.evidence_reward import EvidenceReward, analyses_of, common_subsequence, rouge_l
from rlcs.rewards.verdict_reward import VerdictReward

END, LIMIT = 2, 5
letters = st.lists(st.sampled_from("abcd"), max_size=12)


def by_table(one, other):
    """The usual table of lengths."""
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, x in enumerate(one):
        for j, y in enumerate(other):
            rows[i + 1][j + 1] = rows[i][j] + 1 if x == y else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@given(letters, letters)
def test_the_longest_common_subsequence_is_that_of_the_table(one, other):
    assert common_subsequence(one, other) == by_table(one, other)


@given(letters, letters)
def test_rouge_l_is_a_share_and_the_same_from_both_sides(one, other):
    share = rouge_l(" ".join(one), " ".join(other))
    assert 0 <= share <= 1
    assert share == rouge_l(" ".join(other).upper(), " ".join(one))
    assert (share == 1) == (one == other != [])
    assert (share == 0) == (not set(one) & set(other))


@given(letters.filter(bool), st.integers(1, 20))
def test_rambling_does_not_pay(said, more):
    """Whatever is added to a perfect analysis lowers its share."""
    assert rouge_l(" ".join(said + ["x"] * more), " ".join(said)) < 1


FIRST = "outline mill mill yes wolf none not rope rope yes 2 character brave brave yes 1 originality velvet 1"
SECOND = "outline mill cave not wolf wolf yes rope net not 1 character brave shy not 0 originality 0"
CHAIN = f"1 {FIRST} score 5\n2 {SECOND} score 4"


def test_a_misread_slot_costs_its_words_and_swapped_stories_cost_most():
    misread = CHAIN.replace("wolf none not", "wolf wolf yes")
    twice = misread.replace("rope net not", "rope rope yes")
    swapped = f"1 {SECOND} score 4\n2 {FIRST} score 5"
    shares = [rouge_l(text, CHAIN) for text in (CHAIN, misread, twice, swapped, "the wolf won")]
    assert shares == sorted(shares, reverse=True)
    number = len(CHAIN.split())
    assert shares[:3] == [1, pytest.approx(1 - 2 / number), pytest.approx(1 - 4 / number)]
    assert shares[3] < 0.8


def test_prose_is_compared_by_the_facts_that_it_names_in_order():
    teacher = "The first story keeps the wolf, but forgets the rope. The second has neither."
    near = "The first story keeps the wolf but forgets its rope; the second has neither."
    far = "Neither is in the second story. The wolf of the first is kept, a rope is not."
    assert 1 > rouge_l(near, teacher) > 0.9 > rouge_l(far, teacher) > 0


def judged(pair, order, *, judge="teacher", analysis="the wolf"):
    return Judgement(pair, order, judge, "a", 1, f"{analysis}\nScores: 2 1", analysis)


def test_chains_are_those_of_the_teacher_and_of_the_pairs():
    chains = [
        judged("p", "ab"),
        judged("p", "ba", analysis="a rope"),
        judged("q", "ab", judge="another"),
        judged("r", "ab", analysis=""),
        judged("s", "ab"),
    ]
    assert analyses_of("teacher", chains, ["p", "q", "r"]) == {("p", "ab"): "the wolf", ("p", "ba"): "a rope"}


def test_the_reward_as_trl_calls_it():
    """An answer without a chain, one that cannot be read and one that was cut have no such part."""
    logged = {}
    verdicts = VerdictReward(ScoresConfig(low=1, high=9), limit=LIMIT, stop_tokens=[END])
    rewards = EvidenceReward(verdicts, {("p", "ab"): "the wolf won", ("q", "ba"): "a rope"})(
        prompts=[None] * 6,
        completions=[
            [{"role": "assistant", "content": text}]
            for text in (
                "the wolf won\nScores: 2 1",
                "the wolf lost\nScores: 1 2",
                "the wolf won",
                "the wolf won\nScores: 2 1",
                "the wolf won\nScores: 2 1",
                "nothing\nScores: 2 1",
            )
        ],
        completion_ids=[[1]] * 3 + [[8] * LIMIT] + [[1]] * 2,
        order=["ab", "ab", "ab", "ab", "ba", "ba"],
        pair_id=["p", "p", "p", "p", "p", "q"],
        label=["a"] * 6,
        log_metric=logged.__setitem__,
    )
    assert rewards == [1.0, pytest.approx(2 / 3), None, None, None, 0.0]
    assert logged == {"without_chain": pytest.approx(1 / 6)}

"""The best of n stories: which one is chosen, how often the judge is asked, and what it costs."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.judging.best_of import Candidates, budget, highest_score, knock_out
from rlcs.judging.judge import judge_in_shards
from rlcs.records import Context, Judgement
from rlcs.verdict import compare

CONTEXT = Context("c1", "quest", "", "", "", (), "test")
UTILITIES = st.lists(st.integers(0, 9), min_size=2, max_size=17)


def groups(*utilities):
    """Stories whose texts are their utilities."""
    return [Candidates(f"c{n}/0", CONTEXT, [str(u) for u in of_one]) for n, of_one in enumerate(utilities)]


class Recorder:
    """A judge that compares utilities; ``answer`` may change a judgement. It keeps all rounds."""

    def __init__(self, answer=lambda judgement, comparison: judgement):
        self.answer = answer
        self.rounds = {}

    def __call__(self, name, comparisons):
        assert name not in self.rounds
        self.rounds[name] = list(comparisons)
        return [
            self.answer(
                Judgement(
                    c.pair_id,
                    c.order,
                    "j",
                    compare(float(c.story_a), float(c.story_b)),
                    tokens=3,
                    score_a=float(c.story_a),
                    score_b=float(c.story_b),
                ),
                c,
            )
            for c in comparisons
        ]


def best(utilities, answer=lambda judgement, comparison: judgement, **options):
    settings = {"orders": "both", "probability": "hard", "seed": 1} | options
    ask = Recorder(answer)
    (chosen,), judgements = knock_out(groups(utilities), ask, **settings)
    return chosen, judgements, ask


@given(UTILITIES, st.sampled_from(["both", "random"]), st.sampled_from(["hard", "soft"]))
def test_a_judge_without_errors_finds_the_best_in_n_minus_1_matches(utilities, orders, probability):
    chosen, judgements, _ = best(utilities, orders=orders, probability=probability)
    assert utilities[chosen] == max(utilities)
    assert len(judgements) == (len(utilities) - 1) * (2 if orders == "both" else 1)
    matches = Counter(judgement.pair_id for judgement in judgements)
    assert len(matches) == len(utilities) - 1


@given(UTILITIES)
def test_scores_find_the_first_of_the_best_in_n_questions(utilities):
    ask = Recorder()
    (chosen,), judgements = highest_score(groups(utilities), ask)
    assert chosen == utilities.index(max(utilities))
    assert len(judgements) == len(utilities)
    assert all(c.story_a == c.story_b for c in ask.rounds["scores"])


@given(st.lists(UTILITIES, min_size=1, max_size=4))
def test_each_context_is_chosen_for_by_itself_and_all_are_asked_in_one_round(utilities):
    together, _ = knock_out(groups(*utilities), ask := Recorder(), orders="both", probability="hard", seed=1)
    assert together == [best(of_one)[0] for of_one in utilities]
    most = max(map(len, utilities))
    assert len(ask.rounds) == (most - 1).bit_length()


@pytest.mark.parametrize(
    "answer",
    [
        lambda judgement, c: Judgement(c.pair_id, c.order, "j", "none"),
        lambda judgement, c: Judgement(c.pair_id, c.order, "j", "tie"),
        lambda judgement, c: Judgement(c.pair_id, c.order, "j", "a" if c.order == "ab" else "b"),
    ],
    ids=["none", "tie", "whatever is first"],
)
def test_a_match_without_a_winner_leaves_the_earlier_story(answer):
    chosen, judgements, _ = best([1, 5, 3, 2], answer)
    assert chosen == 0
    assert len(judgements) == 6


def test_a_story_without_a_score_is_chosen_only_if_none_has_one():
    def unread(number):
        return Recorder(
            lambda judgement, c: Judgement(c.pair_id, c.order, "j", "none") if number(c) else judgement
        )

    assert highest_score(groups([9, 1, 2]), unread(lambda c: c.story_a == "9"))[0] == [2]
    assert highest_score(groups([9, 1, 2]), unread(lambda _: True))[0] == [0]


def test_soft_results_are_those_of_the_judges_own_p():
    def unsure(judgement, c):
        """The verdicts of both orders disagree, and the second story has the higher p."""
        return Judgement(
            c.pair_id, c.order, "j", "a" if c.order == "ab" else "b", p_a=0.6 if c.order == "ab" else 0.1
        )

    assert best([1, 1], unsure)[0] == 0
    assert best([1, 1], unsure, probability="soft")[0] == 1


@given(st.integers(0, 1000))
def test_random_orders_are_seeded_and_of_both_kinds(seed):
    def shown(seed):
        _, judgements, _ = best(list(range(64)), orders="random", seed=seed)
        return [judgement.order for judgement in judgements]

    assert shown(seed) == shown(seed)
    assert set(shown(seed)) == {"ab", "ba"}


def test_a_knock_out_that_is_killed_goes_on_where_it_was(tmp_path):
    asked = []

    class Judge:
        name, shard_size = "j", 3

        def __init__(self, dies_at=None):
            self.dies_at = dies_at

        def judge(self, comparisons):
            if len(asked) == self.dies_at:
                raise KeyboardInterrupt
            asked.append([c.pair_id for c in comparisons])
            return Recorder()("shard", comparisons)

    def chosen(folder, judge):
        def ask(name, comparisons):
            (folder / name).mkdir(parents=True, exist_ok=True)
            return judge_in_shards(judge, comparisons, folder / name)

        return knock_out(groups(range(9), [5, 7, 1]), ask, orders="both", probability="hard", seed=1)

    whole = chosen(tmp_path / "whole", Judge())
    once = [*asked]
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        chosen(tmp_path / "killed", Judge(dies_at=5))
    assert chosen(tmp_path / "killed", Judge()) == whole
    assert asked == once
    assert whole[0] == [8, 1]


def test_the_budget_is_that_of_one_story():
    _, judgements, _ = best([1, 2, 3, 4], orders="random")
    judgements[0] = Judgement("c0/0/0/1", "ab", "j", "none", tokens=9)
    assert budget([10] * 8, judgements * 2, stories=2) == {
        "stories": 2,
        "candidates_per_story": 4,
        "story_tokens_per_story": 40,
        "comparisons_per_story": 3,
        "judge_tokens_per_story": 15,
        "unparsed": pytest.approx(1 / 3),
    }

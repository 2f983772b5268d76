"""The judge that reads one story at a time: what it asks, and how it compares what it was told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges import of_model
from rlcs.config.judging import JudgingConfig, ScoresConfig
from rlcs.config.untrained_judges import WorldTeacherConfig
from rlcs.judging.backends import Reply
from rlcs.judging.loading import load_judge
from rlcs.judging.pointwise import PointwiseJudge, StoryAnswer, compare_answers, read_answer
from rlcs.judging.rule_based import SimulatedTeacher
from rlcs.judging.soft_verdict import first_wins
from rlcs.models.generation import generate
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Comparison, Context
from rlcs.world.grammar import sample_context, write_story

JUDGING = JudgingConfig(
    template="$story_1 $story_2",
    story_template="$outline | $rubric | $story",
    rubrics={"default": "plot"},
    scores={"low": 1, "high": 3},
)
CONTEXT = Context("c", "story", "", "", "mill", (), "test")


class FakeBackend:
    """Says the last word of the story as its score; the tokens are the story's words."""

    shard_size = 8

    def __init__(self, distributions=None):
        self.asked = []
        self.distributions = distributions or {}

    def answer(self, conversations, samples=1, seed=0):
        stories = [messages[0]["content"].rpartition(" | ")[2] for messages in conversations]
        self.asked += [messages[0]["content"] for messages in conversations]
        return [
            None
            if story == "silence"
            else Reply(
                f"I read {story}.\nScore: {story.split()[-1]}",
                len(story.split()),
                "long" in story,
                self.distributions.get(story),
            )
            for story in stories
            for _ in range(samples)
        ]


def judged(*pairs, votes=1, distributions=None, orders=("ab", "ba")):
    backend = FakeBackend(distributions)
    comparisons = [Comparison(f"{a}/{b}", CONTEXT, a, b, order) for a, b in pairs for order in orders]
    return PointwiseJudge("j", backend, JUDGING, votes).judge(comparisons), backend


def test_each_story_is_asked_about_once_whatever_it_is_compared_with():
    stories = ["x 1", "x 2", "y 2", "x 3"]
    judgements, backend = judged(*((a, b) for a in stories for b in stories if a < b))
    assert sorted(backend.asked) == sorted(f"mill | plot | {story}" for story in stories)
    assert sum(judgement.tokens for judgement in judgements) == 2 * len(stories)
    verdicts = {judgement.pair_id: judgement.verdict for judgement in judgements}
    assert verdicts["x 1/x 2"] == "b"
    assert verdicts["x 2/y 2"] == "tie"
    assert verdicts["x 3/y 2"] == "a"


def test_both_orders_say_the_same_and_each_shows_the_answer_about_its_first_story():
    (ab, ba), _ = judged(("x 1", "y 3"))
    assert (ab.verdict, ba.verdict) == ("b", "b")
    assert (ab.score_a, ab.score_b) == (ba.score_a, ba.score_b) == (1, 3)
    assert (ab.raw, ba.raw) == ("I read x 1.\nScore: 1", "I read y 3.\nScore: 3")
    assert (ab.analysis, ba.analysis) == ("I read x 1.", "I read y 3.")


@pytest.mark.parametrize("unread", ["silence", "x 4", "no number", "long 2"])
def test_a_story_without_a_score_leaves_its_comparisons_without_a_verdict(unread):
    judgements, _ = judged((unread, "x 2"), ("x 2", "x 1"))
    assert [judgement.verdict for judgement in judgements] == ["none", "none", "a", "a"]
    assert judgements[0].score_b is None


def test_equal_stories_tie_and_cost_one_answer():
    (only,), backend = judged(("x 2", "x 2"), orders=("ab",))
    assert (only.verdict, only.score_a, only.tokens) == ("tie", 2, 2)
    assert len(backend.asked) == 1


def test_the_expected_score_decides_where_its_tokens_are_known():
    known = {"x 2": [[0.0, 0.6, 0.4]], "y 2": [[0.2, 0.8, 0.0]]}
    (ab, ba), _ = judged(("x 2", "y 2"), distributions=known)
    assert (ab.score_a, ab.score_b) == pytest.approx((2.4, 1.8))
    assert ab.verdict == ba.verdict == "a"
    assert ab.p_a == pytest.approx(first_wins(known["x 2"][0], known["y 2"][0]))
    assert ba.p_a == pytest.approx(ab.p_a)


def test_a_distribution_of_one_story_alone_gives_no_probability():
    (ab, _), _ = judged(("x 2", "y 2"), distributions={"x 2": [[0.0, 0.6, 0.4]]})
    assert (ab.score_a, ab.score_b, ab.p_a) == (pytest.approx(2.4), 2, None)


def test_votes_are_compared_one_by_one():
    (ab, ba), backend = judged(("x 1", "y 3"), votes=3)
    assert (ab.verdict, ab.p_a, ab.score_a, ab.tokens) == ("b", 0.0, 1, 3 * 4)
    assert ba.tokens == 0
    assert len(backend.asked) == 2


def test_stories_of_two_contexts_are_two_questions():
    other = replace(CONTEXT, context_id="d", outline="cave")
    backend = FakeBackend()
    PointwiseJudge("j", backend, JUDGING).judge(
        [Comparison(c.context_id, c, "x 1", "x 1", "ab") for c in (CONTEXT, other)]
    )
    assert backend.asked == ["mill | plot | x 1", "cave | plot | x 1"]


distributions = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda w: [x / sum(w) for x in w])


@given(distributions, distributions)
def test_p_is_that_of_independent_scores(first, second):
    scores = ScoresConfig(low=1, high=3)
    a, b = (read_answer("Score: 2", 1, scores, distribution=d) for d in (first, second))
    comparison = Comparison("p", CONTEXT, "x", "y", "ab")
    p = compare_answers(comparison, "j", a, b, 0).p_a
    mirrored = compare_answers(replace(comparison, order="ba"), "j", b, a, 0).p_a
    assert p == pytest.approx(mirrored)
    expected = sum(
        first[i] * second[j] * (1 if i > j else 0.5 if i == j else 0) for i in range(3) for j in range(3)
    )
    assert p == pytest.approx(expected)
    assert 1 <= a.score <= 3


def test_an_answer_that_the_limit_cut_has_no_score():
    assert read_answer("Score: 1", 9, ScoresConfig(), truncated=True) == StoryAnswer(
        "Score: 1", 9, None, truncated=True
    )


def test_a_section_that_reads_stories_loads_this_judge(tmp_path):
    section = {
        "name": "t",
        "judge": {"kind": "generative", "backend": "world", "reads": "story"},
        "judging": JUDGING.model_dump(),
    }
    assert load_judge(section, None).reads == "story"


def test_the_worlds_teacher_scores_a_story_the_same_in_every_pair():
    from random import Random

    rng = Random(1)
    context = sample_context(rng, "c", "train")
    stories = [write_story(rng, context, skill) for skill in (0.1, 0.5, 0.9)]
    entry = WorldTeacherConfig(kind="generative", backend="world", reads="story", slip_rate=0.2)
    judging = JUDGING.model_copy(update={"scores": ScoresConfig()})
    teacher = SimulatedTeacher("t", entry, judging)
    raw = {}
    for a in stories:
        for b in stories:
            for order in ("ab", "ba"):
                comparison = Comparison("p", context, a, b, order)
                (said,) = teacher.judge([comparison])
                assert said.verdict != "none"
                raw.setdefault(comparison.first, set()).add(said.raw)
    assert all(len(texts) == 1 for texts in raw.values())
    assert all(text.startswith("1 outline ") and "\nScore: " in text for (text,) in raw.values())


def test_a_model_in_process_tells_the_distribution_of_its_score(model_folder, context, monkeypatch):
    judging = JUDGING.model_copy(update={"max_new_tokens": 40, "scores": ScoresConfig()})
    judge = of_model("j", load_causal(model_folder), load_tokenizer(model_folder), judging, soft=True)

    def whole(*arguments, **options):  # whatever this random model says is a score
        return [replace(c, truncated=False) for c in generate(*arguments, **options)]

    monkeypatch.setattr("rlcs.judging.in_process.generate", whole)
    monkeypatch.setattr("rlcs.judging.in_process.written_scores", lambda *_: (7,))
    counts = []

    def distributions(*arguments):
        counts.append(arguments[3])
        return [[0.0] * 8 + [1.0]]

    monkeypatch.setattr("rlcs.judging.in_process.written_distributions", distributions)
    (reply,) = judge.backend.answer([judging.story_prompt(context, "A wolf.")])
    assert counts == [1]
    assert reply.distributions == [[0.0] * 8 + [1.0]]

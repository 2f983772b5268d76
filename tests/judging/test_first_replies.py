"""A judge most of whose first answers cannot be read ends the stage, with one of them in the message."""

import pytest

from endpoint_server import TEXT, Server, always, entry, ok, verdicts
from rlcs.errors import InputError
from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Access, Reply
from rlcs.judging.endpoint import EndpointBackend
from rlcs.judging.first_replies import TRIAL, FirstReplies
from rlcs.judging.generative import GenerativeJudge
from rlcs.judging.loading import load_judge
from rlcs.judging.pointwise import PointwiseJudge

pytest_plugins = ["endpoint_fixtures"]
pytestmark = pytest.mark.usefixtures("planted_key")


def check(unread, truncated=False, share=0.5):
    replies = [Reply("The winner is [[A]]" if bad else TEXT, 5, truncated and bad) for bad in unread]
    FirstReplies("guest", "a line", share).check(replies, unread)


@pytest.mark.parametrize("unread", [[True] * 7, [True] * 4 + [False] * 4, [False] * 20])
def test_few_answers_or_half_of_them_pass(unread):
    check(unread)


def test_more_than_half_of_eight_end_the_stage_with_one_answer():
    with pytest.raises(InputError) as error:
        check([True] * 5 + [False] * 3)
    assert str(error.value) == (
        "5 of the first 8 answers of judge 'guest' cannot be read, more than "
        "judges.guest.max_unread_share = 50%; the token limit ended 0 of 8. One of them ends so: "
        "'The winner is [[A]]'. Expected: a line. Set judges.guest.answer to the format that it writes, ask "
        "for the expected one in judges.guest.template, or give it more tokens"
    )


def test_answers_that_the_limit_ended_count_and_are_not_shown():
    with pytest.raises(InputError, match=r"the token limit ended 8 of 8\. Expected"):
        check([True] * 8, truncated=True)


def test_a_share_of_one_lets_all_pass():
    check([True] * 20, share=1)


@pytest.mark.parametrize("kind", [GenerativeJudge, PointwiseJudge])
def test_an_endpoint_is_asked_for_a_few_answers_before_all(kind, judging, questions, tmp_path):
    judging = judging.model_copy(update={"story_template": "$outline $story"})
    with Server(always(ok("I prefer the first."))) as server:
        backend = EndpointBackend("guest", entry(server), AnswerStore(tmp_path))
        with pytest.raises(InputError, match=r"'I prefer the first.'\. Expected: a last line Score"):
            kind("guest", backend, judging, max_unread_share=0.2).judge(questions(40))
        assert len(server.asked) <= TRIAL


def test_what_was_asked_first_is_not_asked_again(judging, comparisons, tmp_path):
    with Server(always(ok("[[B]]"))) as server:
        backend = EndpointBackend("guest", entry(server), AnswerStore(tmp_path))
        judge = GenerativeJudge("guest", backend, judging, answer="letter", max_unread_share=0.5)
        many = comparisons * 4
        said = verdicts(judge.judge(many))
        assert said == ["b" if comparison.order == "ab" else "a" for comparison in many]
        assert len(server.asked) == len(comparisons)


@pytest.mark.parametrize("endpoint", [{"max_unread_share": 0.5}, {}])
def test_a_model_of_the_run_is_stopped_by_its_entrys_limit(
    endpoint, judging, comparisons, model_folder, tmp_path
):
    section = {
        "name": "guest",
        "judge": {"kind": "generative", "train": "none", "base": "small", "answer": "letter"},
        "judging": judging.model_dump(),
    }
    judge = load_judge(section, model_folder.parent, Access(tmp_path, endpoint))
    if endpoint:
        with pytest.raises(InputError, match=r"more than judges\.guest\.max_unread_share = 50%"):
            judge.judge(comparisons)
    else:  # one that comes from a trained judge
        assert set(verdicts(judge.judge(comparisons))) == {"none"}

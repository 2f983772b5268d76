"""A judge behind a real HTTP server that misbehaves: what is asked again, what is counted, what is kept."""

import json
import time
from email.utils import formatdate
from threading import Barrier, Timer

import pytest

from endpoint_server import (
    TEXT,
    Server,
    always,
    body,
    completion,
    first,
    free_port,
    hang,
    ok,
    reset,
    status,
    truncated,
    verdicts,
)
from rlcs.errors import InputError
from rlcs.records import Comparison

pytest_plugins = ["endpoint_fixtures"]
pytestmark = pytest.mark.usefixtures("planted_key")


BROKEN = completion()
del BROKEN["choices"][0]["message"]
FAULTS = {
    "429": status(429),
    "429 with Retry-After": status(429, Retry_After="0.1"),
    "500": status(500),
    "503 with a date": status(503, Retry_After=formatdate(time.time() - 5, usegmt=True)),
    "408": status(408),
    "409": status(409),
    "cut off": truncated,
    "reset": reset,
    "empty body": body(b""),
    "empty answer": ok(""),
    "blank answer": ok(" \n"),
    "malformed JSON": body(b'{"choices": [{"mess'),
    "HTML": body(b"<html>busy</html>", "text/html"),
    "an error that calls itself fine": body(b'{"error": {"message": "overloaded"}}'),
    "no choices": body(b'{"choices": []}'),
    "no message": body(json.dumps(BROKEN).encode()),
    "not text": body(json.dumps(completion(text=["a"])).encode()),
    "half a surrogate": body(json.dumps(completion(text="\ud800")).encode()),
    "not UTF-8": body(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_asked_again_and_ends_in_the_verdict(fault, judge_of, questions, caplog):
    with Server(first(FAULTS[fault], FAULTS[fault])) as server:
        judge = judge_of(server)
        assert verdicts(judge.judge(questions(3))) == ["a"] * 3
        assert len(server.asked) == 9
        assert judge.judge(questions(3)) == judge_of(server).judge(questions(3))
        assert len(server.asked) == 9  # kept, by this judge and on disk
    if "answer" not in fault:
        assert set(server.paid.values()) == {1}
    assert "3 answered before, 0 now" in caplog.text
    assert "6 retries (" in caplog.text


@pytest.mark.parametrize("fault", ["500", "cut off", "empty answer", "malformed JSON", "reset"])
def test_a_fault_that_stays_is_no_verdict_and_is_counted(fault, judge_of, questions, caplog):
    def behave(prompt, attempt):
        return FAULTS[fault] if "Tale 1." in prompt else ok()

    with Server(behave) as server:
        judgements = judge_of(server).judge(questions(3))
        assert verdicts(judgements) == ["a", "none", "a"]
        assert (judgements[1].raw, judgements[1].tokens, judgements[1].score_a) == ("", 0, None)
        assert len(server.asked) == 2 + 4
        assert "1 without an answer (1 x " in caplog.text
        server.behave = always(ok())
        assert verdicts(judge_of(server).judge(questions(3))) == ["a"] * 3  # a failure is not kept
        assert len(server.asked) == 2 + 4 + 1


def test_an_endpoint_that_is_silent_is_asked_again(judge_of, questions, caplog):
    """Counts are not compared: on a busy machine a good answer may be late too."""
    with Server(first(hang, hang)) as server:
        assert verdicts(judge_of(server, timeout=0.4, attempts=8).judge(questions(3))) == ["a"] * 3
        assert len(server.asked) >= 9
    assert "silent for 0.4 s" in caplog.text


def test_an_endpoint_that_stays_silent_is_no_verdict(judge_of, questions, caplog):
    with Server(always(hang)) as server:
        assert verdicts(judge_of(server, timeout=0.2).judge(questions(2))) == ["none"] * 2
    assert "2 without an answer (2 x silent for 0.2 s)" in caplog.text


def test_garbage_is_an_answer_without_a_verdict_and_is_not_paid_again(judge_of, questions):
    with Server(always(ok("I like both!"))) as server:
        for _ in range(2):
            (judgement,) = judge_of(server).judge(questions(1))
            assert (judgement.verdict, judgement.raw) == ("none", "I like both!")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("text", "reason"), [("well\nScores: 9 1", "length"), ("", "length"), ("", "filter")]
)
def test_an_answer_that_was_cut_off_has_no_verdict_and_is_not_paid_again(text, reason, judge_of, questions):
    with Server(always(ok(text, finish_reason=reason))) as server:
        for _ in range(2):
            (judgement,) = judge_of(server).judge(questions(1))
            assert (judgement.verdict, judgement.raw) == ("none", text)
    assert len(server.asked) == 1


@pytest.mark.parametrize("usage", [None, (None, None)])
def test_an_answer_of_unknown_size_is_an_answer(usage, judge_of, questions):
    with Server(always(ok(usage=usage))) as server:
        (judgement,) = judge_of(server).judge(questions(1))
    assert (judgement.verdict, judgement.tokens) == ("a", 0)


def test_the_cost_is_told(judge_of, questions, caplog):
    with Server(always(ok(usage=(1000, 100)))) as server:
        prices = {"prompt_price": 2.0, "completion_price": 10.0}
        judge_of(server, **prices).judge(questions(5))
        assert "cost 0.015 now, 0.015 in all" in caplog.text
        judge_of(server).judge(questions(5))
        assert "cost 0 now, 0.015 in all" in caplog.text


@pytest.mark.parametrize("fault", ["empty answer", "blank answer", "no message", "not text"])
def test_failures_that_were_paid_for_are_in_the_cost(fault, judge_of, questions, caplog):
    """Each has 100 + 10 tokens, as the answers have."""
    prices = {"prompt_price": 20.0, "completion_price": 200.0}  # 0.004 for each response
    with Server(first(FAULTS[fault], FAULTS[fault])) as server:
        judge_of(server, **prices).judge(questions(3))
        assert "cost 0.036 now, 0.036 in all; 6 empty or malformed answers were paid for" in caplog.text
        assert "600 + 60 tokens, 0.024 of the cost now" in caplog.text
        judge_of(server, **prices).judge(questions(3))  # a resumed stage knows what its answers took
        assert "cost 0 now, 0.036 in all\n" in caplog.text
        server.behave = always(FAULTS[fault])
        caplog.clear()
        judge_of(server, attempts=2, **prices, sampling={"temperature": 1}).judge(questions(1))
        assert "1 without an answer" in caplog.text
        assert "cost 0.008 now, 0.008 in all; 2 empty or malformed answers were paid for" in caplog.text


@pytest.mark.parametrize("fault", ["500", "empty body", "HTML", "cut off", "an error that calls itself fine"])
def test_failures_without_a_bill_cost_nothing(fault, judge_of, questions, caplog):
    with Server(first(FAULTS[fault])) as server:
        judge_of(server, prompt_price=20.0, completion_price=200.0).judge(questions(2))
    assert "cost 0.008 now, 0.008 in all\n" in caplog.text


def test_slow_answers_come_back_in_the_order_asked_and_no_more_than_so_many_at_once(judge_of, questions):
    three_asked = Barrier(3, timeout=60)

    def behave(prompt, attempt):
        n = int(prompt.split("Tale ")[1].split(".")[0])
        if n < 3:
            three_asked.wait()
        return ok(f"Scores: {n % 9 + 1} 5", delay=0.01 * (12 - n))

    with Server(behave) as server:
        judgements = judge_of(server, concurrency=3).judge(questions(12))
    assert [judgement.score_a for judgement in judgements] == [n % 9 + 1 for n in range(12)]
    assert server.most_at_once == 3


def test_the_same_question_is_asked_once(judge_of, context):
    pairs = [Comparison(f"p{n}", context, f"Tale {n % 2}.", "End.", "ab") for n in range(10)]
    pairs += [Comparison("swapped", context, "End.", "Tale 0.", "ba")]  # shown as Tale 0, End
    with Server(always(ok())) as server:
        judgements = judge_of(server).judge(pairs)
    assert len(server.asked) == 2
    assert [j.pair_id for j in judgements] == [c.pair_id for c in pairs]
    assert verdicts(judgements) == ["a"] * 10 + ["b"]


def test_another_model_or_sampling_is_another_question_but_another_address_is_not(judge_of, questions):
    with Server(always(ok())) as server, Server(always(ok())) as moved:
        judge_of(server).judge(questions(1))
        judge_of(moved, timeout=5).judge(questions(1))
        assert (len(server.asked), len(moved.asked)) == (1, 0)
        judge_of(moved, sampling={"temperature": 1}).judge(questions(1))
        assert len(moved.asked) == 1


def test_votes_are_drawn_kept_and_counted(judge_of, questions):
    said = ["Scores: 9 1", "Scores: 1 9", "Scores: 8 2"]
    with Server(lambda prompt, attempt: ok(said[len(server.asked) % 3])) as server:
        three = judge_of(server, votes=3, sampling={"temperature": 1}, concurrency=1).judge(questions(2))
        assert len(server.asked) == 6
        again = judge_of(server, votes=3, sampling={"temperature": 1}).judge(questions(2))
        first = judge_of(server, sampling={"temperature": 1}).judge(questions(2))
        assert len(server.asked) == 6  # a single answer is the first of the three
    assert [(j.verdict, j.p_a) for j in three] == [("a", pytest.approx(2 / 3))] * 2
    assert again == three
    assert [j.p_a for j in first] == [None, None]


def test_connection_refused_until_the_server_is_up(judge_of, questions, caplog):
    port = free_port()
    judge = judge_of(f"http://127.0.0.1:{port}/v1", attempts=10, backoff=0.05)
    servers = []
    timer = Timer(0.6, lambda: servers.append(Server(always(ok()), port).__enter__()))
    timer.start()
    try:
        assert verdicts(judge.judge(questions(6))) == ["a"] * 6
    finally:
        timer.join()
        servers[0].__exit__()
    assert set(servers[0].paid.values()) == {1}
    assert caplog.text.count("trying again") == 1  # told once, at once
    assert "connection failed" in caplog.text


def test_nobody_there_stops_with_one_error(judge_of, questions):
    judge = judge_of(f"http://127.0.0.1:{free_port()}/v1", max_failure_share=0.01)
    expected = r"2 of the last 10 questions to judge 'far' got no answer, more than .* 1% of 100"
    with pytest.raises(InputError, match=expected):
        judge.judge(questions(10))


def test_too_many_failures_stop_early(judge_of, questions):
    said = r"5 of the last 40 .* more than max_failure_share = 4% of 100: 5 x HTTP 500"
    with Server(always(status(500))) as server, pytest.raises(InputError, match=said):
        judge_of(server, attempts=1, max_failure_share=0.04, concurrency=2).judge(questions(40))
    assert len(server.asked) < 12


def until(number, later):
    """A reply that answers the first questions, and then fails."""
    return lambda prompt, _: ok() if int(prompt.split("Tale ")[1].split(".")[0]) < number else later


def test_an_endpoint_that_has_gone_ends_a_large_batch(judge_of, questions):
    """Though a share of the batch may fail, stored answers included."""
    said = r"100 questions to judge 'far' got no answer in a row: \d+ x HTTP 500.* 200 answers are kept"
    many = {"attempts": 1, "max_failure_share": 0.9, "concurrency": 2}
    with Server(until(200, status(500))) as server, pytest.raises(InputError, match=said):
        judge_of(server, **many).judge(questions(400))
    assert len(server.asked) < 350
    with (
        Server(always(status(429, Retry_After="90000"))) as server,
        pytest.raises(InputError, match="in a row"),
    ):
        judge_of(server, **many).judge(questions(400))
    assert len(server.asked) < 150


def test_questions_that_an_endpoint_does_not_take_are_no_sign_that_it_has_gone(judge_of, questions):
    with Server(until(20, status(400))) as server:
        said = judge_of(server, attempts=1, max_failure_share=0.9).judge(questions(150))
    assert verdicts(said).count("none") == 130


def test_thoughts_are_no_part_of_a_judgement_and_are_counted(judge_of, questions):
    apart = completion()
    apart["choices"][0]["message"]["reasoning_content"] = "Scores: 1 9"
    apart["usage"]["completion_tokens_details"] = {"reasoning_tokens": 6}
    inside = completion(text=f"<think>Scores: 1 9</think>{TEXT}")
    closed = completion(text=f"Scores: 1 9\n</think>\n\n{TEXT}")
    unfinished = completion(text="<think>Scores: 1 9")
    replies = [body(json.dumps(said).encode()) for said in (apart, inside, closed, unfinished)]
    with Server(lambda prompt, _: replies[int(prompt.split("Tale ")[1][0])]) as server:
        said = judge_of(server).judge(questions(4))
        again = judge_of(server).judge(questions(4))
    assert verdicts(said) == ["a", "a", "a", "none"]
    assert [judgement.raw for judgement in said] == [TEXT, TEXT, TEXT, ""]
    assert [judgement.reasoning_tokens for judgement in said] == [6, None, None, None]
    assert [judgement.truncated for judgement in said] == [False, False, False, True]
    assert again == said

"""Single requests to an endpoint: what is sent, who is refused, who waits, and what becomes of keys."""

import time
from email.utils import formatdate
from threading import Barrier
from types import SimpleNamespace

import pytest

from endpoint_server import KEY, TEXT, VARIABLE, Server, always, echo_key, first, ok, status, verdicts
from rlcs.errors import InputError
from rlcs.judging.chat import RateLimiter, read_key, retry_after

pytest_plugins = ["endpoint_fixtures"]
pytestmark = pytest.mark.usefixtures("planted_key")


def test_what_is_asked_and_what_is_read(judge_of, comparisons, judging):
    sampling = {"temperature": 0.5, "max_tokens": 7, "top_k": 3, "chat_template_kwargs": {"thinking": False}}
    with Server(always(ok())) as server:
        judgements = judge_of(server, sampling=sampling, completion_price=2.0).judge(comparisons)
    for c, judgement in zip(comparisons, judgements, strict=True):
        assert (judgement.pair_id, judgement.order, judgement.judge) == (c.pair_id, c.order, "far")
        expected = ("a", 7, 3) if c.order == "ab" else ("b", 3, 7)
        assert (judgement.verdict, judgement.score_a, judgement.score_b) == expected
        assert (judgement.raw, judgement.analysis, judgement.tokens) == (TEXT, "1 good\n2 bad", 10)
    path, authorization, request = server.requests[0]
    assert (path, authorization) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert request.keys() == {"model", "messages", *sampling}
    assert {name: request[name] for name in sampling} == sampling
    asked = {prompt for prompt, _ in server.asked}
    assert asked == {
        f"{c.context.domain} | {c.context.outline} | none\n1: {c.first}\n2: {c.second}" for c in comparisons
    }
    assert judging.template.startswith("$domain")


def test_retry_after_is_kept_by_all(judge_of, questions):
    with Server(first(status(429, Retry_After="0.5"))) as server:
        assert verdicts(judge_of(server, concurrency=1).judge(questions(2))) == ["a"] * 2
    times = [at for _, at in server.asked]
    assert len(times) == 4
    assert times[1] - times[0] >= 0.5


def test_who_asks_to_wait_too_long_has_failed(judge_of, questions, caplog):
    with Server(always(status(429, Retry_After="86400"))) as server:
        assert verdicts(judge_of(server, max_wait=5).judge(questions(2))) == ["none"] * 2
        with pytest.raises(InputError, match=r"last one: HTTP 429 .asks to wait 86400 s"):
            judge_of(server, max_wait=5, max_failure_share=0).judge(questions(2))
    assert len(server.asked) <= 4


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2),
        ("0.5", 0.5),
        ("-3", 0),
        ("soon", 0),
        (formatdate(0, usegmt=True), 0),
        ("nan", 0),
        ("inf", 1e9),
    ],
)
def test_retry_after(value, seconds):
    found = retry_after({"retry-after": value})
    assert found == seconds or found > 1e6 < seconds


def test_retry_after_as_a_date(monkeypatch):
    monkeypatch.setattr("rlcs.judging.chat.time.time", lambda: 1000.0)
    assert retry_after({"retry-after": formatdate(1030, usegmt=True)}) == 30
    assert retry_after({}) == 0


def test_the_rate_limit(judge_of, questions):
    with Server(always(ok())) as server:
        started = time.monotonic()
        judge_of(server, requests_per_minute=1200).judge(questions(9))
    assert max(at for _, at in server.asked) - started >= 8 * 0.05


@pytest.mark.parametrize("code", [401, 403, 404, 405, 418])
def test_a_refusal_is_one_error_and_is_not_asked_again(code, judge_of, questions):
    with Server(always(echo_key(code))) as server, pytest.raises(InputError) as error:
        judge_of(server).judge(questions(50))
    assert f"model 'm' with HTTP {code}: " in str(error.value)
    assert VARIABLE in str(error.value)
    assert "bad key Bearer [key]" in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.__cause__ is None
    assert len(server.asked) <= 12  # those in flight, and not fifty


def test_a_refusal_does_not_wait_for_those_who_wait(judge_of, questions):
    both_asked = Barrier(2, timeout=60)

    def behave(prompt, attempt):
        both_asked.wait()  # else the second question would wait for as long as the first must
        if "Tale 0." in prompt:
            return status(429, Retry_After="1000000")  # a wait that no test would survive
        return status(401)

    with Server(behave) as server, pytest.raises(InputError, match="HTTP 401"):
        judge_of(server, concurrency=2, max_wait=1e6).judge(questions(30))
    # In whichever order the responses are read, one thread waits and the other stops all: none asks on.
    assert len(server.asked) == 2


def test_what_is_in_flight_at_a_refusal_is_kept(judge_of, questions):
    all_asked = Barrier(4, timeout=60)

    def behave(prompt, attempt):
        all_asked.wait()
        return status(401) if "Tale 3." in prompt else ok(delay=0.2)

    with Server(behave) as server:
        with pytest.raises(InputError):
            judge_of(server).judge(questions(4))
        server.behave = always(ok())
        assert verdicts(judge_of(server).judge(questions(4))) == ["a"] * 4
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_question_that_is_refused_does_not_stop_the_others(code, judge_of, questions):
    def behave(prompt, attempt):
        return status(code, "too long") if "Tale 0." in prompt else ok()

    with Server(behave) as server:
        assert verdicts(judge_of(server).judge(questions(4))) == ["none", "a", "a", "a"]
        assert len(server.asked) == 4
        with pytest.raises(
            InputError, match=rf"1 x HTTP {code}; the last one: .*too long.* 3 answers are kept"
        ):
            judge_of(server, max_failure_share=0).judge(questions(4))


def test_servers_that_tell_the_key_are_not_repeated(judge_of, questions, caplog):
    """With ``no_key_is_told``, which looks at the logs and at the kept answers."""
    with Server(first(echo_key(500), then=ok(f"You sent {KEY}.\nScores: 7 3"))) as server:
        judgements = judge_of(server).judge(questions(2))
        assert verdicts(judgements) == ["a"] * 2
        assert judgements[0].raw == "You sent [key].\nScores: 7 3"
        server.behave = always(echo_key(500))
        with pytest.raises(InputError, match=r"Bearer \[key\]") as error:
            judge_of(server, sampling={}, max_failure_share=0).judge(questions(1))
    assert KEY not in repr(error.getrepr(showlocals=False))
    assert KEY not in repr(vars(judge_of(server).backend.entry))


@pytest.mark.parametrize(
    ("value", "message"),
    [("", "is not set"), (" \n", "is not set"), ("sk-\u00e9", "characters"), ("sk-a\nb", "characters")],
)
def test_a_key_that_is_none(value, message, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(InputError, match=f"environment variable {VARIABLE}.*{message}"):
        read_key(VARIABLE)


def test_keys(monkeypatch):
    monkeypatch.setenv(VARIABLE, f" {KEY}\n")
    assert read_key(VARIABLE) == KEY
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(
        InputError, match=f"the environment variable {VARIABLE}, named by api_key_env, is not"
    ):
        read_key(VARIABLE)
    assert read_key(None) == "EMPTY"


def test_an_endpoint_without_a_key(judge_of, questions, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # must not be sent to just anybody
    with Server(always(ok())) as server:
        judge_of(server, api_key_env=None).judge(questions(1))
    assert server.requests[0][1] == "Bearer EMPTY"


def test_a_pace_waits_by_an_event_that_a_stop_sets(monkeypatch):
    monkeypatch.setattr("rlcs.judging.chat.time.monotonic", lambda: 100.0)
    waits = []
    pace = RateLimiter(60)
    for _ in range(3):
        pace.wait(SimpleNamespace(wait=waits.append))
    assert waits == [0.0, 1.0, 2.0]

"""`check` asks each endpoint once: a refusal is found before the first job."""

import copy

import pytest

from endpoint_server import VARIABLE, Server, always, free_port, ok, status
from rlcs.config import parsing
from rlcs.judging.preflight import endpoint_problems, endpoints
from smoke_run import SMOKE


def run(url, **changes):
    raw = copy.deepcopy(SMOKE)
    raw["judges"]["vendor"] = {
        "kind": "generative",
        "backend": "openai",
        "model": "m",
        "base_url": url,
        "api_key_env": VARIABLE,
        **changes,
    }
    raw["tables"]["alignment"]["rows"].append("vendor")
    return parsing.parse(raw)


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv(VARIABLE, "a-secret-key")


def test_an_endpoint_that_answers_is_fine(key):
    with Server(always(ok())) as server:
        assert endpoint_problems(run(server.url)) == ([], [])
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "refuses", "said"),
    [
        (status(401), True, "refuses model 'm' with HTTP 401"),
        (status(404), True, "check model, base_url"),
        (status(429, "quota"), False, "got no answer: HTTP 429"),
        (status(503), False, "got no answer: HTTP 503"),
    ],
)
def test_a_refusal_is_an_error_and_an_endpoint_that_is_busy_is_not(key, reply, refuses, said):
    with Server(always(reply)) as server:
        refused, unasked = endpoint_problems(run(server.url))
    (line,) = refused if refuses else unasked
    assert line.startswith("judges.vendor: ")
    assert said in line
    assert "a-secret-key" not in line
    assert not (unasked if refuses else refused)


def test_what_this_machine_lacks_is_no_error(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    config = run(f"http://127.0.0.1:{free_port()}/v1")
    refused, (line,) = endpoint_problems(config)
    assert refused == []
    assert line.startswith(f"judges.vendor: not asked here: the environment variable {VARIABLE}")
    monkeypatch.setenv(VARIABLE, "a-secret-key")
    refused, (line,) = endpoint_problems(config)
    assert refused == []
    assert "connection failed" in line


def test_an_endpoint_that_no_job_asks_is_not_asked():
    raw = copy.deepcopy(SMOKE)
    raw["judges"]["unused"] = {
        "kind": "generative",
        "backend": "openai",
        "model": "m",
        "base_url": "http://127.0.0.1:9/v1",
    }
    vendor = {name: raw["judges"]["unused"][name] for name in ("backend", "model", "base_url")}
    raw["verifiers"] = {"idle": vendor}
    asked = endpoints(parsing.parse(raw))
    assert "judges.unused" not in asked
    assert "verifiers.idle" not in asked

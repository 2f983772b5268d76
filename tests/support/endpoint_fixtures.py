"""Fixtures of the tests that ask an endpoint: a pytest plugin of theirs."""

import logging

import pytest

from endpoint_server import KEY, VARIABLE, entry
from judges import at_endpoint
from rlcs.records import Comparison


@pytest.fixture
def planted_key(tmp_path, monkeypatch, caplog, capfd):
    """A key in the environment, which at the test's end is in no log, no file and no output."""
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    caplog.set_level(logging.DEBUG)
    yield
    out, err = capfd.readouterr()
    assert KEY not in caplog.text + out + err
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


@pytest.fixture
def judge_of(judging, tmp_path):
    """A judge that finds what earlier ones of the same test were answered."""
    return lambda server, **changes: at_endpoint(
        "far", entry(server, **changes), judging, tmp_path / "answers"
    )


@pytest.fixture
def questions(context):
    return lambda count: [Comparison(f"p{n}", context, f"Tale {n}.", "End.", "ab") for n in range(count)]

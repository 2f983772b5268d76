"""Limits on costs: no request is sent that could pass one, among threads, jobs and failures that cost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoint_server import Server, always, entry, first, ok
from rlcs.config.prompts import user
from rlcs.errors import InputError
from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Access
from rlcs.judging.budget import Budget, largest_cost
from rlcs.judging.endpoint import EndpointBackend

pytest_plugins = ["endpoint_fixtures"]
PRICES = {"prompt_price": 1e4, "completion_price": 1e5}  # an answer of the server: 100 and 10 tokens, 1 + 1
SHORT = {"temperature": 0, "max_tokens": 10}


def question(name):
    """One with as many bytes as the server says that it has tokens, or more."""
    return user(f"{name:x>100}")


def stored(folder):
    lines = [line for path in folder.rglob("*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line)["cost"] for line in lines]


def asking(server, folder, what="judge 'far'", **changes):
    chosen = entry(server, **PRICES, sampling=SHORT, **changes)
    access = Access(folder)
    return EndpointBackend("far", chosen, AnswerStore(folder), budgets=access.budgets(chosen, what))


def test_the_largest_cost_counts_a_token_for_each_byte_and_the_longest_answer():
    chosen = entry("http://127.0.0.1:1/v1", **PRICES, sampling=SHORT)
    short, long = (largest_cost(user(text), chosen) for text in ("ab", "ab" * 50))
    assert long - short == pytest.approx(98 * 1e4 / 1e6)
    assert short > 10 * 1e5 / 1e6
    assert largest_cost(user("狼"), chosen) > largest_cost(user("a"), chosen)
    with pytest.raises(InputError, match="max_tokens"):
        largest_cost(user("ab"), entry("http://127.0.0.1:1/v1", **PRICES))


@pytest.mark.usefixtures("planted_key")
def test_a_job_stops_before_the_limit_and_goes_on_when_it_is_raised(tmp_path):
    questions = [question(str(n)) for n in range(20)]
    with Server(always(ok())) as server:
        with pytest.raises(InputError, match=r"judge 'far' cost .*max_cost of judge 'far' is 9: raise it"):
            asking(server, tmp_path, max_cost=9, concurrency=8).answer(questions)
        paid = stored(tmp_path)
        assert 0 < sum(paid) <= 9
        assert len(server.asked) == len(paid)  # nothing was sent that is not counted
        with pytest.raises(InputError, match="max_cost"):
            asking(server, tmp_path, max_cost=9).answer(questions)
        assert len(server.asked) == len(stored(tmp_path))
        assert sum(stored(tmp_path)) == 8  # one more of 2 could pass the limit
        replies = asking(server, tmp_path, max_cost=50).answer(questions)
    assert None not in replies
    assert len(server.asked) == 20  # no question twice


@pytest.mark.usefixtures("planted_key")
def test_failures_that_cost_count(tmp_path):
    with (
        Server(first(*[ok("")] * 3)) as server,
        pytest.raises(InputError, match="max_cost of judge 'far' is 5"),
    ):
        asking(server, tmp_path, max_cost=5, concurrency=1).answer([question("")])
    assert len(server.asked) == 2  # of 2 each; a third could have passed the limit


@pytest.mark.usefixtures("planted_key")
def test_the_limit_of_the_run_is_for_all_endpoints_together(tmp_path):
    access = Access(tmp_path, endpoint={"run_cost": {"max_cost": 7, "answers": str(tmp_path)}})
    with Server(always(ok())) as server:
        chosen = entry(server, **PRICES, sampling=SHORT)
        for name in ("one", "two"):
            backend = EndpointBackend(
                name, chosen, AnswerStore(tmp_path / name), budgets=access.to(name).budgets(chosen, name)
            )
            if name == "one":
                backend.answer([question("a"), question("b")])
        assert sum(stored(tmp_path)) == pytest.approx(4)
        assert access.to("one").budgets(chosen, "one") == []  # a mapping by name has it under each name
        whole = EndpointBackend(
            "two", chosen, AnswerStore(tmp_path / "two"), budgets=access.budgets(chosen, "two")
        )
        with pytest.raises(InputError, match=r"all endpoints cost .*max_cost of the run is 7"):
            whole.answer([question("c"), question("d"), question("e")])
        assert 4 <= sum(stored(tmp_path)) <= 7


@given(st.lists(st.floats(0, 3), max_size=30), st.floats(0.1, 20))
def test_what_is_put_aside_never_passes_the_limit(tmp_path_factory, amounts, limit):
    budget, kept = Budget(limit, tmp_path_factory.mktemp("none"), "x", "max_cost"), 0.0
    for amount in amounts:
        try:
            budget.reserve(amount)
        except InputError:
            assert kept + amount > limit
        else:
            kept += amount
    assert kept <= limit


def test_answers_of_other_jobs_count_and_torn_lines_do_not(tmp_path):
    budget = Budget(3, tmp_path, "x", "max_cost")
    budget.reserve(1)
    other = tmp_path / "a" / "1.jsonl"
    other.parent.mkdir()
    other.write_text('{"key": "k", "cost": 1.5}\n{"key": "torn", "co')
    with pytest.raises(InputError):
        budget.reserve(1)
    budget.reserve(0.5)
    budget.release(1.5)
    with other.open("a") as file:
        file.write('st": 1.0}\n')
    with pytest.raises(InputError, match=r"cost 2\.5 so far"):
        budget.reserve(0.6)

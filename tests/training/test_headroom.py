"""What the best of a group gains over the greedy answer, before a training."""

import json
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlcs.models.generation import Completion
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import ORDERS
from rlcs.training import headroom as module
from rlcs.training.headroom import Headroom, headroom_of, measure_headroom, record_headroom

LABELS = {"p": "a", "q": "b"}
SAMPLING = {"temperature": 1.5, "top_p": 1.0, "top_k": 0, "min_p": 0.1, "repetition_penalty": 1.0, "seed": 3}
OPTIONS = SimpleNamespace(
    num_generations=4, max_completion_length=6, per_device_train_batch_size=8, **SAMPLING
)


def test_headroom_by_hand():
    answers = {
        ("p", "ab"): ["a", "a", "a", "b"],  # right, and its majority as well
        ("p", "ba"): ["b", "b", "b", "a"],  # wrong, with a right sample
        ("q", "ab"): ["none", "a", "a", "a"],  # nothing to learn from
        ("q", "ba"): ["b", "a", "none", "b"],  # a draw
    }
    assert headroom_of(answers, LABELS) == Headroom(
        pairs=2,
        samples=3,
        greedy=2 / 4,
        sampled=pytest.approx(4 / 12),
        majority=pytest.approx((1 + 0 + 0 + 0.5) / 4),
        best=3 / 4,
        groups_without_variance=1 / 4,
        pairs_without_variance=0.0,
    )


def test_orders_that_are_each_sure_of_another_verdict_are_a_pair_with_variance():
    found = headroom_of({("p", "ab"): ["a"] * 5, ("p", "ba"): ["b"] * 5}, {"p": "a"})
    assert (found.groups_without_variance, found.pairs_without_variance) == (1, 0)


verdicts = st.sampled_from(["a", "b", "tie", "none"])


@given(st.lists(st.lists(verdicts, min_size=5, max_size=5), min_size=4, max_size=4))
def test_shares_are_in_order(drawn):
    keys = [(pair, order) for pair in LABELS for order in ORDERS]
    found = headroom_of(dict(zip(keys, drawn, strict=True)), LABELS)
    assert 0 <= found.sampled <= found.best <= 1
    assert found.majority <= (1 + found.best) / 2  # a tie is one half
    assert 0 <= found.pairs_without_variance <= found.groups_without_variance <= 1
    assert 0 <= found.greedy <= 1


def test_samples_are_drawn_as_the_training_draws_and_leave_its_draws_alone(
    model_folder, comparisons, judging, monkeypatch
):
    labels = {comparison.pair_id: "a" for comparison in comparisons}
    calls = []

    def generate(model, tokenizer, conversations, **options):
        torch.manual_seed(9)
        calls.append((len(conversations), options))
        text = "Scores: 2 1" if options["temperature"] else "Scores: 2 2"
        return [Completion(text, 3, truncated=False)] * len(conversations)

    monkeypatch.setattr(module, "generate", generate)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = measure_headroom(
        load_causal(model_folder), load_tokenizer(model_folder), comparisons, labels, judging, OPTIONS
    )
    assert torch.equal(torch.get_rng_state(), before)
    shared = {"max_new_tokens": 6, "batch_size": 8}
    n = len(comparisons)
    assert calls == [(n, {"temperature": 0.0} | shared), (4 * n, SAMPLING | shared)]
    assert (found.greedy, found.sampled, found.best, found.groups_without_variance) == (0, 0.5, 0.5, 1)
    assert found.pairs_without_variance == 0  # the story shown first wins in both orders


def test_it_is_measured_once_and_written(model_folder, comparisons, judging, tmp_path, caplog):
    labels = {comparison.pair_id: "a" for comparison in comparisons}
    model, tokenizer = load_causal(model_folder), load_tokenizer(model_folder)
    path = tmp_path / "headroom.json"
    with caplog.at_level("INFO", "rlcs"):
        record_headroom(path, model, tokenizer, [], {}, judging, OPTIONS)
        assert not path.exists()
        record_headroom(path, model, tokenizer, comparisons, labels, judging, OPTIONS)
        record_headroom(path, None, tokenizer, comparisons, labels, judging, OPTIONS)  # a resumed training
    made = json.loads(path.read_text())
    assert made == {
        "pairs": len(labels),
        "samples": 4,
        "greedy": 0.0,  # this model writes no scores
        "sampled": 0.0,
        "majority": 0.0,
        "best": 0.0,
        "groups_without_variance": 1.0,
        "pairs_without_variance": 1.0,
    }
    assert caplog.text.count(f"headroom on {len(labels)} validation pairs: greedy 0.000") == 1
    assert "there are no validation pairs" in caplog.text

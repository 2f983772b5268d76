import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from judges import in_process
from rlcs.config.judging import JudgingConfig
from rlcs.config.prompts import user
from rlcs.judging.score_tokens import (
    first_win_probabilities,
    score_positions,
    score_tokens,
    watched_tokens,
    written_distributions,
)
from rlcs.judging.soft_verdict import first_wins, last_numbers
from rlcs.models.generation import encode, generate
from rlcs.models.loading import load_causal
from rlcs.records import Judgement


@st.composite
def distributions(draw, size=5):
    weights = draw(st.lists(st.floats(0.01, 1), min_size=size, max_size=size))
    return [weight / sum(weights) for weight in weights]


@given(distributions(), distributions())
def test_probabilities_of_both_sides_sum_to_one(p1, p2):
    assert first_wins(p1, p2) + first_wins(p2, p1) == pytest.approx(1)
    assert first_wins(p1, p1) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("p1", "p2", "expected"),
    [
        ([0, 1, 0], [1, 0, 0], 1),
        ([1, 0, 0], [0, 0, 1], 0),
        ([0, 1, 0], [0, 1, 0], 0.5),
        ([0.5, 0, 0.5], [0, 1, 0], 0.5),
        ([0, 0.5, 0.5], [0, 1, 0], 0.75),
    ],
)
def test_first_wins_by_hand(p1, p2, expected):
    assert first_wins(p1, p2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["Scores", " 7", "3"], [{" 7": -1.0}, {"3": -2.0}]),
        (["1", " 7", "3"], [{" 7": -1.0}, {"3": -2.0}]),
        (["Score", "7"], [{"7": -1.0}]),
        ([], []),
    ],
)
def test_the_last_numbers(texts, found):
    numbers = last_numbers({text: float(-n), "other": -9.0} for n, text in enumerate(texts))
    assert list(numbers) == [{**place, "other": -9.0} for place in found]


def test_scores_of_one_token_are_found_where_they_were_written(tokenizer):
    tokens = score_tokens(tokenizer, 1, 9)
    assert sorted(tokens) == list(range(1, 10))
    ids = tokenizer.encode("1 story 3 4 good\nScores: 7 2")
    first, second = score_positions(ids, tokens)
    assert tokenizer.decode([ids[first]]).strip() == "7"
    assert tokenizer.decode([ids[second]]).strip() == "2"
    assert score_positions(tokenizer.encode("good"), tokens) is None
    alone = tokenizer.encode("1 story 3 4 good\nScore: 7")
    (only,) = score_positions(alone, tokens, 1)
    assert tokenizer.decode([alone[only]]).strip() == "7"
    with pytest.raises(ValueError, match=r"\[10\] are no single tokens.*within 0 to 9"):
        score_tokens(tokenizer, 1, 10)


def test_probabilities_are_those_of_the_models_logits(tokenizer, model_folder):
    model = load_causal(model_folder).eval()
    tokens = score_tokens(tokenizer, 1, 9)
    prompts = [tokenizer.encode(text) for text in ("A wolf.", "Mara used the rope to cross the river.")]
    ends = [tokenizer.encode(text) for text in ("so\nScores: 7 2", "Scores: 3 3")]
    found = first_win_probabilities(model, tokenizer, prompts, ends, tokens, batch_size=2)

    @torch.no_grad()
    def distribution(prefix):
        logits = model(input_ids=torch.tensor([prefix])).logits[0, -1].double()
        weights = [sum(math.exp(logits[token]) for token in tokens[score]) for score in range(1, 10)]
        return [weight / sum(weights) for weight in weights]

    for prompt, end, p in zip(prompts, ends, found, strict=True):
        first, second = score_positions(end, tokens)
        expected = first_wins(distribution(prompt + end[:first]), distribution(prompt + end[:second]))
        assert p == pytest.approx(expected, abs=1e-4)
        assert 0.001 < p < 0.999
    without = first_win_probabilities(model, tokenizer, prompts[:1], [[5, 6]], tokens, batch_size=2)
    assert without == [None]
    mixed = first_win_probabilities(
        model, tokenizer, [*prompts, prompts[0]], [ends[0], [5, 6], []], tokens, batch_size=2
    )
    assert mixed == [pytest.approx(found[0], abs=1e-4), None, None]


@pytest.mark.parametrize(("batch_size", "temperature"), [(1, 0.0), (4, 0.0), (64, 1.5)])
def test_p_as_written_is_that_of_a_forward_pass(
    tokenizer, model_folder, comparisons, batch_size, temperature
):
    """The logits that were kept are those of temperature 1, and belong to their completion."""
    model = load_causal(model_folder).eval()
    tokens = score_tokens(tokenizer, 1, 9)
    conversations = [user(f"{c.first} {c.second}") for c in comparisons]
    completions = generate(
        model,
        tokenizer,
        conversations,
        max_new_tokens=60,
        batch_size=batch_size,
        temperature=temperature,
        seed=1,
        watched=watched_tokens(tokens),
    )
    found = [written_distributions(c.ids, c.logits, tokens, 2) for c in completions]
    found = [distributions and first_wins(*distributions) for distributions in found]
    expected = first_win_probabilities(
        model,
        tokenizer,
        encode(tokenizer, conversations),
        [completion.ids for completion in completions],
        tokens,
        batch_size=8,
    )
    assert [p is None for p in found] == [p is None for p in expected]
    known = [p for p in found if p is not None]
    assert known == pytest.approx([p for p in expected if p is not None], abs=1e-4)
    assert len({round(p, 3) for p in known}) > 1
    plain = generate(
        model,
        tokenizer,
        conversations,
        max_new_tokens=60,
        batch_size=batch_size,
        temperature=temperature,
        seed=1,
    )
    assert plain == completions  # watching changes no word
    assert {completion.logits for completion in plain} == {None}


def test_a_soft_judge_says_the_same_and_how_sure_it_is(model_folder, comparisons, monkeypatch):
    judging = JudgingConfig(template="$story_1 $story_2", scores={"low": 1, "high": 9}, max_new_tokens=4)
    hard = in_process("j", model_folder, judging)
    soft = in_process("j", model_folder, judging, soft=True)

    def read(comparison, name, text, tokens, low, high, **_):  # whatever this random model says is a verdict
        return Judgement(comparison.pair_id, comparison.order, name, "a", tokens, text)

    monkeypatch.setattr("rlcs.judging.generative.read_judgement", read)

    def whole(*arguments, **options):
        return [replace(c, truncated=False) for c in generate(*arguments, **options)]

    monkeypatch.setattr("rlcs.judging.in_process.generate", whole)
    monkeypatch.setattr("rlcs.judging.in_process.written_scores", lambda *_: (7, 3))
    distributions = [[0.5, 0.5], [1.0, 0.0]]  # p(first wins) is 0.75
    monkeypatch.setattr("rlcs.judging.in_process.written_distributions", lambda *_: distributions)
    known = soft.judge(comparisons)
    assert [j.raw for j in known] == [j.raw for j in hard.judge(comparisons)]
    assert [j.p_a for j in hard.judge(comparisons)] == [None] * len(comparisons)
    assert [j.p_a for j in known] == [0.75 if c.order == "ab" else 0.25 for c in comparisons]

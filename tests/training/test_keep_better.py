"""The better of parent and child is published, and the artifact says which."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.judging import JudgingConfig
from rlcs.data.parent_and_child import PARENT_AND_CHILD
from rlcs.models.loading import load_tokenizer
from rlcs.records import Judgement
from rlcs.training import keep_better as module
from rlcs.training.keep_better import BY_P, BY_VERDICT, JudgeAccuracy, compare_scores, keep_better

MEASURE = "accuracy"
scores = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=9)


def by_pair(values):
    return {MEASURE: {f"p{n}": value for n, value in enumerate(values)}}


@given(scores, st.randoms())
def test_the_larger_mean_is_published_and_ties_go_to_the_child(parent, rng):
    child = rng.choices([0.0, 0.5, 1.0], k=len(parent))
    compared = compare_scores(by_pair(parent), by_pair(child))
    assert (compared.published == "parent") == (sum(parent) > sum(child))
    assert compared.n == len(parent)
    shuffled = rng.sample(parent, len(parent))
    assert compare_scores(by_pair(parent), by_pair(shuffled)).published == "child"


def test_losses_enter_with_a_minus():
    assert compare_scores({"-loss": {"p": -0.3}}, {"-loss": {"p": -0.4}}).published == "parent"


@pytest.mark.parametrize(
    ("parent", "child", "decides", "published"),
    [
        ((0.7, 0.6), (0.7, 0.5), "second", "parent"),
        ((0.7, 0.5), (0.7, 0.6), "second", "child"),
        ((0.7, 0.5), (0.6, 0.9), "first", "parent"),
        ((0.7, 0.6), (0.7, 0.6), "first", "child"),
    ],
)
def test_a_later_measure_decides_if_the_earlier_ones_are_equal(parent, child, decides, published):
    named = [
        {name: {"p": mean} for name, mean in zip(("first", "second"), of, strict=True)}
        for of in (parent, child)
    ]
    compared = compare_scores(*named)
    assert (compared.measure, compared.published) == (decides, published)


def test_without_pairs_the_child_is_published_and_it_is_said():
    compared = compare_scores({MEASURE: {}}, {MEASURE: {}})
    assert (compared.published, compared.n, compared.parent) == ("child", 0, None)
    assert (
        str(compared) == "no validation pairs: the trained model is published, whatever its parent is worth"
    )


def test_other_items_are_no_comparison():
    with pytest.raises(ValueError, match=r"must have the same items; one of them lacks \['q'\]"):
        compare_scores({MEASURE: {"p": 1.0}}, {MEASURE: {"p": 1.0, "q": 0.0}})


def artifact(folder, **files):
    """An artifact with models, each a file with a word."""
    for name, word in files.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "weights").write_text(word)
    return folder


def published(folder):
    return {path.parent.name: path.read_text() for path in folder.glob("*/weights")}


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        ({"model": "old", "adapter": "old"}, {"model": "new"}, {"model": "old", "adapter": "old"}),
        ({"model": "old"}, {"model": "new", "adapter": "new"}, {"model": "old"}),  # merged into what is old
        ({"model": "old"}, {"model": "new"}, {"model": "old"}),
    ],
)
@pytest.mark.parametrize("is_better", [True, False])
def test_a_parent_is_published_as_it_published_itself(parent, child, expected, is_better, tmp_path, caplog):
    old, new = artifact(tmp_path / "old", **parent), artifact(tmp_path / "new", **child)
    known = {old: {"p": 1.0, "q": float(is_better)}, new: {"p": 0.0, "q": 1.0}}
    with caplog.at_level("INFO", "rlcs"):
        keep_better(old, new, lambda model: {MEASURE: known[model.parent]})
    winner = "parent" if is_better else "child"
    assert published(new) == (expected if is_better else child)
    assert published(old) == parent
    assert json.loads((new / PARENT_AND_CHILD).read_text()) == {
        "measure": MEASURE,
        "n": 2,
        "parent": 1.0 if is_better else 0.5,
        "child": 0.5,
        "published": winner,
    }
    assert f"accuracy on 2 validation pairs: parent {1.0 if is_better else 0.5:.4f}" in caplog.text
    assert f"the {winner} is published" in caplog.text


@pytest.fixture
def judging_of():
    def of(high):
        return JudgingConfig(template="$story_1 $story_2", scores={"low": 1, "high": high}, batch_size=4)

    return of


@pytest.mark.parametrize("reads", ["pair", "story"])
@pytest.mark.parametrize(
    ("high", "expected"),
    [
        (9, {BY_P: {"p": 1.0, "q": 0.0, "r": 0.5}, BY_VERDICT: {"p": 0.5, "q": 0.0, "r": 0.5}}),
        (10, {BY_VERDICT: {"p": 0.5, "q": 0.0, "r": 0.5}}),
    ],
)
def test_a_judge_is_measured_as_a_reward_uses_it(
    high, expected, reads, judging_of, model_folder, comparisons, monkeypatch
):
    """By p first where scores are single tokens; a pair that cannot be read is one half."""
    answers = {
        ("p", "ab"): ("a", 0.9),
        ("p", "ba"): ("b", 0.4),
        ("q", "ab"): ("b", 0.1),
        ("q", "ba"): ("b", 0.3),
        ("r", "ab"): ("none", None),
        ("r", "ba"): ("none", None),
    }
    asked = []

    class Fake:
        def __init__(self, name, backend, judging):
            asked.append((backend.scores is not None, backend.max_new_tokens, backend.temperature))
            self.with_p = backend.scores is not None

        def judge(self, shown):
            return [
                Judgement(*key, "j", verdict, p_a=p if self.with_p else None)
                for key, (verdict, p) in answers.items()
            ]

    monkeypatch.setitem(module.JUDGES, reads, Fake)
    labels = dict.fromkeys("pqr", "a")
    accuracy = JudgeAccuracy(
        comparisons,
        labels,
        judging_of(high),
        load_tokenizer(model_folder),
        max_new_tokens=7,
        batch_size=2,
        reads=reads,
    )
    measured = accuracy(model_folder)
    assert measured == expected
    assert list(measured) == list(expected)  # p decides before verdicts
    assert asked == [(high == 9, 7, 0.0)]


def test_a_model_is_worth_as_much_as_itself(judging_of, model_folder, comparisons):
    labels = {comparison.pair_id: "a" for comparison in comparisons}
    accuracy = JudgeAccuracy(
        comparisons, labels, judging_of(9), load_tokenizer(model_folder), max_new_tokens=6, batch_size=4
    )
    found = accuracy(model_folder)
    assert [credits.keys() for credits in found.values()] == [labels.keys()] * 2
    assert compare_scores(found, accuracy(model_folder)).published == "child"
    nothing = JudgeAccuracy(
        [], {}, judging_of(9), load_tokenizer(model_folder), max_new_tokens=6, batch_size=4
    )
    assert nothing(model_folder) == {BY_P: {}, BY_VERDICT: {}}

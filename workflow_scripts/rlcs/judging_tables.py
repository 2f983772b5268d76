"""Tables beside the alignment table: what position does to a judge, and whether its p's are what they say.

Pure functions from records to frames, as in ``tables``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from rlcs import alignment
from rlcs.records import Judgement, Label
from rlcs.statistics import Sample, bin_of, crossed_bootstrap
from rlcs.tables import Judged, Row

BINS = 10


def position_bias_table(judgements: Judged, pairs: Sequence[Row], *, seed: int) -> pd.DataFrame:
    """How much a judge's verdicts depend on which story is shown first; intervals over seeds and contexts.

    Args:
        judgements: of held-out pairs, in the table's order.
        pairs: rows of PAIRS.
        seed: of the bootstraps.
    """
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}
    labels: dict[str, Label] = {pair["pair_id"]: pair["label"] for pair in pairs}

    rows = []
    for name, seeds in judgements.items():
        first, second = (_sample(seeds, _credit_where(place, labels), context_of) for place in (True, False))
        shown_first = _sample(
            seeds, lambda judgement: alignment.first_position_share([judgement]), context_of
        )
        flips = {number: alignment.pair_flips(said) for number, said in seeds.items()}
        flipped = [
            (value, number, context_of[pair]) for number in flips for pair, value in flips[number].items()
        ]
        rows.append(
            {
                "system": name,
                "flip_rate": crossed_bootstrap(_as_sample(flipped), seed=seed),
                "first_share": crossed_bootstrap(shown_first, seed=seed),
                "preferred_first": crossed_bootstrap(first, seed=seed),
                "preferred_second": crossed_bootstrap(second, seed=seed),
                "first_gain": crossed_bootstrap(first, second, seed=seed),
            }
        )
    return pd.DataFrame(rows, dtype=object)


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
            for pair, p in alignment.pair_probabilities(said).items():
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
                    "label_a": crossed_bootstrap(_as_sample([row[1:] for row in bins[place]]), seed=seed),
                }
            )
    return pd.DataFrame(rows, columns=["system", "p_range", "pairs", "mean_p", "label_a"], dtype=object)


def _credit_where(preferred_first: bool, labels: Mapping[str, Label]) -> Callable[[Judgement], float | None]:
    """Accuracy of a judgement that was shown the preferred story first, or second; None of the others."""

    def of(judgement: Judgement) -> float | None:
        label = labels[judgement.pair_id]
        if ((label == "a") == (judgement.order == "ab")) != preferred_first:
            return None
        return alignment.credit(judgement.verdict, label)

    return of


def _sample(
    seeds: Mapping[int, Sequence[Judgement]],
    of: Callable[[Judgement], float | None],
    context_of: Mapping[str, str],
) -> Sample:
    return _as_sample(
        [
            (value, number, context_of[judgement.pair_id])
            for number, said in seeds.items()
            for judgement in said
            if (value := of(judgement)) is not None
        ]
    )


def _as_sample(rows: Sequence[tuple[float, int, str]]) -> Sample:
    return Sample(*zip(*rows, strict=True)) if rows else Sample([], [], [])

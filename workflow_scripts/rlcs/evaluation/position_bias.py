"""Position bias of judges.

Pure functions from records to frames, as in ``win_rates``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from rlcs import verdict
from rlcs.evaluation.crossed import Sample, crossed_estimate, share_of_items
from rlcs.evaluation.judgements import Judged
from rlcs.judging import credits
from rlcs.records import Judgement, Label, Row


def position_bias_table(judgements: Judged, pairs: Sequence[Row], *, seed: int) -> pd.DataFrame:
    """Measure how far verdicts depend on which story is shown first; intervals are over seeds and contexts.

    Args:
        judgements: of held-out pairs, in the table's order.
        pairs: rows of PAIRS.
        seed: of the bootstraps.
    """
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}
    labels: dict[str, Label] = {pair["pair_id"]: pair["label"] for pair in pairs}

    rows = []
    for name, seeds in judgements.items():
        first, second = (
            _sample(seeds, _credit_if(preferred_first, labels), context_of)
            for preferred_first in (True, False)
        )
        shown_first = _sample(seeds, lambda judgement: credits.first_position_share([judgement]), context_of)
        flips = {number: credits.pair_flips(judged) for number, judged in seeds.items()}
        flipped = [
            (value, number, context_of[pair]) for number in flips for pair, value in flips[number].items()
        ]
        rows.append(
            {
                "system": name,
                "flip_rate": share_of_items(flipped, seed=seed),
                "first_share": crossed_estimate(shown_first, seed=seed),
                "preferred_first": crossed_estimate(first, seed=seed),
                "preferred_second": crossed_estimate(second, seed=seed),
                "first_gain": crossed_estimate(first, second, seed=seed),
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _credit_if(preferred_first: bool, labels: Mapping[str, Label]) -> Callable[[Judgement], float | None]:
    """Credit of a judgement with the preferred story first, or second; None for other judgements."""

    def of(judgement: Judgement) -> float | None:
        label = labels[judgement.pair_id]
        if ((label == "a") == (judgement.order == "ab")) != preferred_first:
            return None
        return verdict.credit(judgement.verdict, label)

    return of


def _sample(
    seeds: Mapping[int, Sequence[Judgement]],
    of: Callable[[Judgement], float | None],
    context_of: Mapping[str, str],
) -> Sample:
    return Sample.of(
        [
            (value, number, context_of[judgement.pair_id])
            for number, judged in seeds.items()
            for judgement in judged
            if (value := of(judgement)) is not None
        ]
    )

"""Reading what the evaluation stages left: judgements by judge and seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rlcs.records import Judgement, read_judgements
from rlcs.stages.manifest import read_provenance


def read_judged(folders: Iterable[Path], judges: Sequence[str]) -> dict[str, dict[int, list[Judgement]]]:
    """Judge -> seed -> judgements, judges in the given order, each named as in its config.

    Raises:
        ValueError: a judge without judgements.
    """
    judged: dict[str, dict[int, list[Judgement]]] = {judge: {} for judge in judges}
    for folder in folders:
        made_of = read_provenance(folder)
        by_seed = judged[made_of["config"]["name"]]
        by_seed[made_of["seed"]] = read_judgements(folder / "judgements.parquet")
    if empty := [judge for judge, by_seed in judged.items() if not by_seed]:
        raise ValueError(f"no judgements of {', '.join(empty)}")
    return judged


Judged = Mapping[str, Mapping[int, Sequence[Judgement]]]
"""Judge -> seed -> judgements."""

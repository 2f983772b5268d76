"""Reading what the evaluation stages left: judgements by judge and seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rlcs.manifest import NAME, read_manifest
from rlcs.records import Judgement, read_judgements


def read_judged(folders: Iterable[Path], judges: Sequence[str]) -> dict[str, dict[int, list[Judgement]]]:
    """Judge -> seed -> judgements, judges in the given order; name and seed are those of the manifests.

    Raises:
        ValueError: a judge without judgements.
    """
    judged: dict[str, dict[int, list[Judgement]]] = {judge: {} for judge in judges}
    for folder in folders:
        manifest = read_manifest(folder / NAME)
        by_seed = judged[manifest["config"]["name"]]
        by_seed[manifest["seed"]] = read_judgements(folder / "judgements.parquet")
    if empty := [judge for judge, by_seed in judged.items() if not by_seed]:
        raise ValueError(f"no judgements of {', '.join(empty)}")
    return judged

"""The artifact of ``ingest``, read back: its pairs by split, and the pairs that a model is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.records import HUMAN, ORDERS, PAIRS, Comparison, Context, read_rows


def pairs_of_split(
    pairs: Iterable[dict[str, Any]], contexts: Mapping[str, Context], split: str
) -> list[dict[str, Any]]:
    """The pairs whose contexts stand in a split."""
    return [pair for pair in pairs if contexts[pair["context_id"]].split == split]


def read_training_pairs(
    preferences: Path, consensus: Iterable[Path], contexts: Mapping[str, Context], names: Sequence[str]
) -> list[dict[str, Any]]:
    """The labelled pairs that an entry trains on (its ``pairs``): rows of PAIRS, none of them twice.

    Args:
        preferences: artifact of ``ingest``; its training pairs are those named ``HUMAN``.
        consensus: artifacts of ``find_consensus``, one for each other name.

    Raises:
        ValueError: an artifact too few or too many.
    """
    sources = [name for name in names if name != HUMAN]
    human = read_rows(preferences / "pairs.parquet", PAIRS) if HUMAN in names else []
    pairs = {pair["pair_id"]: pair for pair in pairs_of_split(human, contexts, "train")}
    for _, folder in zip(sources, consensus, strict=True):
        for pair in read_rows(folder / "pairs.parquet", PAIRS):
            pairs.setdefault(pair["pair_id"], pair)
    return list(pairs.values())


def comparisons_of(pairs: Iterable[Mapping[str, Any]], contexts: Mapping[str, Context]) -> list[Comparison]:
    """Every pair in both orders, the two orders of a pair adjacent."""
    return [
        Comparison(pair["pair_id"], contexts[pair["context_id"]], pair["story_a"], pair["story_b"], order)
        for pair in pairs
        for order in ORDERS
    ]

"""The interface of every judge, and judging in shards.

``judge(comparisons) -> judgements``, in the given order. A judge that cannot answer says ``none``; it never
guesses.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from rlcs.records import JUDGEMENTS, Comparison, Judgement, Row, digest, read_rows, write_rows
from rlcs.stages.shards import in_shards

log = logging.getLogger("rlcs")


def judge_in_shards(judge: Judge, comparisons: Sequence[Comparison], folder: Path) -> list[Judgement]:
    """Call ``judge.judge``, shard by shard if a killed stage would lose work; arguments: ``in_shards``."""
    if judge.shard_size is None:
        return judge.judge(comparisons)

    def work(_: int, shard: Sequence[Comparison]) -> list[Row]:
        return [vars(judgement) for judgement in judge.judge(shard)]

    rows = in_shards(folder, comparisons, judge.shard_size, work, JUDGEMENTS, f"{judge.name} judges")
    return [Judgement(**row) for row in rows]


def judge_new(judge: Judge, comparisons: Sequence[Comparison], folder: Path, kept: Path) -> list[Judgement]:
    """Judge the comparisons that were not judged before, and keep all judgements for the next time.

    The file of kept judgements is read at the start and written at the end, so that a stage that is killed
    and started again judges the same shards. A judge without shards is asked anew: it is cheap to repeat, or
    its answers are stored.

    Args:
        folder: ``judge_in_shards``'s.
        kept: a Parquet file; its name stands for all that a judgement depends on but the comparison.
    """
    if judge.shard_size is None:
        return judge.judge(comparisons)
    keys = [_comparison_key(comparison) for comparison in comparisons]
    known = _read_kept(kept)
    new = [(key, c) for key, c in zip(keys, comparisons, strict=True) if key not in known]
    log.info("%d comparisons, %d of them judged before", len(comparisons), len(comparisons) - len(new))
    made = judge_in_shards(judge, [comparison for _, comparison in new], folder)
    known |= {key: judgement for (key, _), judgement in zip(new, made, strict=True)}
    judgements = [known[key] for key in keys]
    kept.parent.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_suffix(".unfinished")
    rows = [{_KEY: key, **vars(known[key])} for key in keys]
    write_rows(unfinished, rows, _KEPT)
    unfinished.rename(kept)
    return judgements


_KEY = "comparison"
_KEPT = JUDGEMENTS.append(pa.field(_KEY, pa.string(), nullable=False))


def _read_kept(kept: Path) -> dict[str, Judgement]:
    rows = read_rows(kept, _KEPT) if kept.exists() else []
    return {row.pop(_KEY): Judgement(**row) for row in rows}


def _comparison_key(comparison: Comparison) -> str:
    """Key of the pair's id, the order, and all that a judge may read, which the context's split is not."""
    context = {name: value for name, value in asdict(comparison.context).items() if name != "split"}
    return digest(comparison.pair_id, comparison.order, comparison.story_a, comparison.story_b, context)


BATCHES_PER_SHARD = 4  # sorting by length inside a shard saves padding


class Judge(Protocol):
    name: str

    @property
    def shard_size(self) -> int | None:
        """Comparisons per checkpointed shard; None if judging is cheap to repeat."""

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]: ...

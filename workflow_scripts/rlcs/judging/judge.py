"""The interface of every judge, and judging in shards.

``judge(comparisons) -> judgements``, in the given order. A judge that cannot answer says ``none``; it never
guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rlcs.records import JUDGEMENTS, Comparison, Judgement, Row
from rlcs.stages.shards import in_shards


def judge_in_shards(judge: Judge, comparisons: Sequence[Comparison], folder: Path) -> list[Judgement]:
    """Call ``judge.judge``, shard by shard if a killed stage would lose work; arguments: ``in_shards``."""
    if judge.shard_size is None:
        return judge.judge(comparisons)

    def work(_: int, shard: Sequence[Comparison]) -> list[Row]:
        return [vars(judgement) for judgement in judge.judge(shard)]

    rows = in_shards(folder, comparisons, judge.shard_size, work, JUDGEMENTS, f"{judge.name} judges")
    return [Judgement(**row) for row in rows]


BATCHES_PER_SHARD = 4  # sorting by length inside a shard saves padding


class Judge(Protocol):
    name: str

    @property
    def shard_size(self) -> int | None:
        """Comparisons per checkpointed shard; None if judging is cheap to repeat."""

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]: ...

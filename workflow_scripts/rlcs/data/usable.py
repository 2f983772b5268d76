"""The pairs of a source that are used, from its rows as they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rlcs.config.data import DataConfig
from rlcs.data.formats import leave_out_rows, validated_pairs
from rlcs.data.rows import RawRow
from rlcs.data.story_length import limit_length
from rlcs.data.subset import take_subset
from rlcs.data.validation import Validated


class UsablePairs(NamedTuple):
    """The use of rows, and their pairs.

    Attributes:
        rows: the number of those that ``leave_out`` and ``story_length`` leave.
        left_out: the number that ``leave_out`` takes away.
        truncated: the number of stories that ``story_length`` cut.
        usable: all that can be used, and the quarantine.
        taken: the part that ``subset`` asks for.
    """

    rows: int
    left_out: int
    truncated: int
    usable: Validated
    taken: Validated


def usable_pairs(read: Sequence[RawRow], data: DataConfig) -> UsablePairs:
    """Leave rows out, limit the length of stories, validate, and take the subset."""
    wanted = leave_out_rows(read, data)
    rows, truncated = limit_length(wanted, data.story_length, lists=data.format == "best_of")
    usable = validated_pairs(rows, data)
    taken = take_subset(usable, data.subset, data.seed, whole_contexts=data.format == "best_of")
    return UsablePairs(len(rows), len(read) - len(wanted), truncated, usable, taken)

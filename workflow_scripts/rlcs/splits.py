"""Splits by a stable hash of the context: none stands in two splits, and new rows never move old ones."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from itertools import accumulate

from rlcs.records import SPLITS, Split


def split_of(context_key: str, shares: Mapping[Split, float], seed: int) -> Split:
    """The split of a context, a function of its key, the shares and the seed alone.

    Raises:
        ValueError: an unknown split, a negative share, or shares that do not sum to 1.
    """
    if unknown := set(shares) - set(SPLITS):
        raise ValueError(f"unknown splits {sorted(unknown)}; known: {', '.join(SPLITS)}")
    if min(shares.values(), default=0) < 0 or not math.isclose(sum(shares.values()), 1):
        raise ValueError(f"shares {dict(shares)} must not be negative and must sum to 1")
    digest = hashlib.sha256(f"{seed} {context_key}".encode()).digest()
    position = int.from_bytes(digest[:6], "big") / 2**48
    some = [split for split in SPLITS if shares.get(split, 0) > 0]
    for split, end in zip(some, accumulate(shares[split] for split in some), strict=True):
        if position < end:
            return split
    return some[-1]  # the shares' sum was rounded to just below 1

"""The splits of contexts and pairs: their sizes, and those that a run needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rlcs.errors import InputError
from rlcs.records import Context, Split


def count_pairs(contexts: Iterable[Context], pairs: Iterable[Mapping[str, Any]]) -> Counter[Split]:
    """The number of pairs in each split.

    Args:
        contexts: those of the pairs at least.
    """
    split_of = {context.context_id: context.split for context in contexts}
    return Counter(split_of[pair["context_id"]] for pair in pairs)


def refuse_empty_splits(
    contexts: Sequence[Context],
    pairs: Sequence[Mapping[str, Any]],
    unlabelled: Sequence[Mapping[str, Any]],
    needed: Sequence[Split],
    describe: Callable[[], str],
) -> None:
    """Check that each split that is needed has a context, and a pair with a label.

    Args:
        describe: names the columns of the data, for the message that no pair has a label.

    Raises:
        InputError: a split has none.
    """
    context_counts = Counter(context.split for context in contexts)
    pair_counts = count_pairs(contexts, pairs)
    for split in needed:
        if not context_counts[split]:
            raise InputError(
                f"{len(contexts)} contexts, none of them in the split {split!r}: add more contexts, or "
                "change data.splits; if a column split says so and should not count, write data: "
                "{ignore: [split]}"
            )
        if not pair_counts[split]:
            raise InputError(
                f"{len(pairs)} of {len(pairs) + len(unlabelled)} pairs have a label, none of them in the "
                f"split {split!r}: add labelled pairs, or name the label's column in data.columns. "
                f"{describe()}"
            )

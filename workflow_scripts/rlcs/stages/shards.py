"""Long work in shards that are kept as they are finished, so that a killed stage repeats at most one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from tqdm import tqdm

from rlcs.records import Row, read_rows, write_rows

Item = TypeVar("Item")


def in_shards(
    folder: Path,
    items: Sequence[Item],
    size: int,
    work: Callable[[int, Sequence[Item]], Sequence[Row]],
    schema: pa.Schema,
    title: str,
) -> list[dict[str, Any]]:
    """The rows of all items, in their order; those of a shard that was finished before are read, not made.

    What ``work`` makes of a shard may depend on nothing but its number and its items: then a run that was
    killed and started again ends with the rows of one that was not.

    Args:
        folder: of ``Stage.checkpoints``, so that shards of another config, code or input are never read.
        size: items of a shard, the last one's excepted.
        title: of the progress bar.

    Raises:
        ValueError: ``size`` is less than 1.
    """
    if size < 1:
        raise ValueError(f"a shard has {size} items; it needs at least 1")
    rows: list[dict[str, Any]] = []
    with tqdm(total=len(items), desc=title, mininterval=5) as bar:
        for number, start in enumerate(range(0, len(items), size)):
            shard = items[start : start + size]
            path = folder / f"shard-{number}.parquet"
            if not path.exists():
                unfinished = path.with_suffix(".unfinished")
                write_rows(unfinished, work(number, shard), schema)
                unfinished.rename(path)
            rows += read_rows(path, schema)
            bar.update(len(shard))
    return rows

"""Ranks of a distributed training, as ``accelerate launch`` starts them.

With one process nothing here touches torch.distributed, nor a GPU.
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

T = TypeVar("T")


def is_distributed() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_main() -> bool:
    """True in the process that writes: the first process of the first node."""
    return not is_distributed() or PartialState().is_main_process


def wait_for_all() -> None:
    """Wait until every process has come here."""
    if is_distributed():
        PartialState().wait_for_everyone()


def broadcast(function: Callable[[], T]) -> T:
    """Call ``function`` on the main process alone and return its result on every process."""
    if not is_distributed():
        return function()
    result = [function() if is_main() else None]
    return broadcast_object_list(result)[0]


def broadcast_on_node(function: Callable[[], T]) -> T:
    """Call ``function`` on the first process of each node and return its result on every process there."""
    if not is_distributed():
        return function()
    state = PartialState()
    results = gather_object([function() if state.is_local_main_process else None])
    return results[state.process_index - state.local_process_index]


def own_share(items: Sequence[T]) -> list[T]:
    """The part of some work that this process does; ``gather`` brings all results together."""
    if not is_distributed():
        return list(items)
    state = PartialState()
    return list(items)[state.process_index :: state.num_processes]


def gather(items: Sequence[T]) -> list[T]:
    """Items of all processes, in the order of ranks."""
    return gather_object(list(items)) if is_distributed() else list(items)

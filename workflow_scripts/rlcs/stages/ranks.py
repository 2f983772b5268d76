"""The processes of one training, as ``accelerate launch`` starts them: who writes, and what all agree on.

With one process nothing here touches torch.distributed, nor a GPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

T = TypeVar("T")


def is_distributed() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_main() -> bool:
    """Whether this is the process that writes; of several, the first of all nodes."""
    return not is_distributed() or PartialState().is_main_process


def wait_for_all() -> None:
    """Until every process has come here."""
    if is_distributed():
        PartialState().wait_for_everyone()


def broadcast(say: Callable[[], T]) -> T:
    """What the main process says, which alone is asked, on every process."""
    if not is_distributed():
        return say()
    said = [say() if is_main() else None]
    return broadcast_object_list(said)[0]


def broadcast_on_node(make: Callable[[], T]) -> T:
    """What the first process of this node makes, on every process of the node."""
    if not is_distributed():
        return make()
    state = PartialState()
    made = gather_object([make() if state.is_local_main_process else None])
    return made[state.process_index - state.local_process_index]


def gather(items: Sequence[T]) -> list[T]:
    """The items of all processes, in their order."""
    return gather_object(list(items)) if is_distributed() else list(items)

"""FSDP2 on a CPU, for rehearsals and tests.

accelerate 1.15 ignores FSDP where it finds no GPU: it copies the model instead (DDP), without a word. torch
shards with gloo as well as with NCCL, so only accelerate's choice has to be put right.
"""

from __future__ import annotations

import os
from typing import Any


def shard_on_cpu() -> None:
    """Make accelerate shard on a CPU, if this process was launched with both FSDP and ``use_cpu``."""
    if not all(os.environ.get(name, "").lower() == "true" for name in _LAUNCHED):
        return
    from accelerate import state
    from accelerate.utils import DistributedType

    made = state.AcceleratorState.__init__

    def init(self: Any, *args: Any, fsdp_plugin: Any = None, **options: Any) -> None:
        made(self, *args, fsdp_plugin=fsdp_plugin, **options)
        if fsdp_plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
            if self._mixed_precision != "no":
                fsdp_plugin.set_mixed_precision(self._mixed_precision)
            self.fsdp_plugin = fsdp_plugin
        if getattr(self, "fsdp_plugin", None) is not None:  # every new state is set back to MULTI_CPU
            self.distributed_type = DistributedType.FSDP

    state.AcceleratorState.__init__ = init


_LAUNCHED = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_CPU")

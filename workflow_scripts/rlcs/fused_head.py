"""On a CPU too, TRL's fused LM head scores only the tokens that are learned.

TRL 1.16 leaves out the positions of prompts where Triton runs. Elsewhere it scores all, to spare a compiler
new shapes. Nothing is compiled here, and of a small model with a large vocabulary the head is much of the
work: for SmolLM2-135M with adapters on its upper layers, half of a step.
"""

from __future__ import annotations

import torch
from trl.trainer import utils

_has_triton = utils._use_triton  # the one place that decides; tests/test_fused_head.py holds TRL to it


def leave_out_prompts() -> None:
    """For all trainers of this process; scores of the other tokens stay the same."""
    utils._use_triton = lambda device: device.type == "cpu" or _has_triton(torch.device(device))

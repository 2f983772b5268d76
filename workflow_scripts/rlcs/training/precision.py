"""Precision of weights: training holds what it trains in float32, and publishing says what rounding takes.

A bfloat16 number has eight significant bits: a step of less than 1/512 of a weight rounds back to it (here
AdamW at a learning rate of 1e-6 moves none). So trained weights are float32, and autocast computes in
bfloat16 (Micikevicius et al. 2018, arXiv 1710.03740, section 3.1), in one process as in shards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import TrainingArguments

from rlcs.config.training import AdapterConfig, Precision
from rlcs.data.lost_update import LostUpdate


def loaded_dtype(options: TrainingArguments, lora: AdapterConfig | None) -> str:
    """The precision in which a training loads its model: float32, or that of the files under adapters.

    Adapters are float32 beside frozen weights of any precision, if autocast brings the two together.
    """
    return "auto" if lora is not None and options.bf16 else "float32"


def hold_in_float32(model: nn.Module) -> None:
    """Make the trained weights float32: those beside adapters, such as a reward model's new head."""
    for weights in model.parameters():
        if weights.requires_grad:
            weights.data = weights.data.float()


def rounded(state: Mapping[str, Tensor], dtype: Precision) -> dict[str, Tensor]:
    """Round a state dict to another precision, in the machine's own memory; tied weights stay tied."""
    made: dict[tuple[int, torch.Size], Tensor] = {}
    for weights in state.values():
        place = (weights.data_ptr(), weights.shape)
        if weights.is_floating_point() and weights.dtype != getattr(torch, dtype) and place not in made:
            made[place] = weights.to("cpu", getattr(torch, dtype))
    return {name: made.get((weights.data_ptr(), weights.shape), weights) for name, weights in state.items()}


def set_dtype(model: Path, dtype: Precision) -> None:
    """Name the precision of a saved model's weights in its config.json, which transformers loads by."""
    file = model / "config.json"
    config = {**json.loads(file.read_text(encoding="utf-8")), "dtype": dtype}
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@torch.no_grad()
def lost_update(start: Path, trained: Mapping[str, Tensor], dtype: Precision) -> LostUpdate:
    """Measure ‖round(w) - w‖ / ‖w - w₀‖ over the weights w that a training shares with its start w₀.

    A new head has no start and does not count.

    Args:
        start: folder of the model that training started from.
        trained: weights by name, before they are rounded to ``dtype``.
    """
    moved, lost, in_bfloat16 = 0.0, 0.0, 0.0
    for name, before in _stored(start):
        if name in trained:
            after = trained[name].detach().float().cpu()
            moved += _squares(after - before.float())
            lost += _squares(after.to(getattr(torch, dtype)).float() - after)
            in_bfloat16 += _squares(after.bfloat16().float() - after)
    if moved == 0:
        return LostUpdate(dtype, None, None)
    return LostUpdate(dtype, (lost / moved) ** 0.5, (in_bfloat16 / moved) ** 0.5)


def _squares(values: Tensor) -> float:
    return float(values.square().sum(dtype=torch.float64))


def _stored(model: Path) -> Iterable[tuple[str, Tensor]]:
    """The weights in a folder's files, one after the other."""
    for file in sorted(model.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 (it is no dictionary)
                yield name, weights.get_tensor(name)

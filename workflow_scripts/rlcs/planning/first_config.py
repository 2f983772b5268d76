"""The first config of a person's own run: written for a file of pairs, and for a CPU, a GPU or Slurm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

Machine = Literal["cpu", "gpu", "slurm"]
MACHINES: tuple[Machine, ...] = get_args(Machine)


@dataclass(frozen=True)
class Scale:
    """Sizes that suit a machine.

    Attributes:
        base: entry of the model that training starts from.
        options: of all trainings.
        words: of the longest story of a pair.
        tokens: of the longest story that a policy writes.
        batch, steps: of the policy's training.
    """

    base: str
    comment: str
    options: str
    words: int
    tokens: int
    batch: int
    steps: int
    seeds: str = "[1]"


SCALES: dict[Machine, Scale] = {
    "cpu": Scale(
        "{kind: pretrained, model: HuggingFaceTB/SmolLM2-135M-Instruct, dtype: float32}",
        "small enough for a CPU; its judgements are weak",
        "{use_cpu: true, bf16: true, activation_checkpointing: false, logging_steps: 5, save_steps: 20}",
        words=450,
        tokens=256,
        batch=2,
        steps=20,
    ),
    "gpu": Scale(
        "{kind: pretrained, model: Qwen/Qwen2.5-1.5B-Instruct}",
        "any instruction-tuned model of the hub, or a folder",
        "{logging_steps: 5, save_steps: 25}",
        words=1000,
        tokens=512,
        batch=4,
        steps=100,
    ),
    "slurm": Scale(
        "{kind: pretrained, model: Qwen/Qwen2.5-7B-Instruct}",
        "with adapters each training fits into one GPU of 80 GB",
        "{logging_steps: 5, save_steps: 25}",
        words=1500,
        tokens=768,
        batch=4,
        steps=200,
        seeds="[1, 2, 3]",
    ),
}

_TEMPLATE = Path(__file__).with_suffix(".template")
_PROBE = "{kind: scalar, base: start, train: probe} # Bradley-Terry: a linear probe, in minutes"
_ADAPTERS = """# Bradley-Terry
    kind: scalar
    base: start
    train: lora
    lora: {r: 16, alpha: 32}
    training: {num_train_epochs: 1, per_device_train_batch_size: 2, learning_rate: 1.0e-4}"""
_PLACES: dict[Machine, str] = {"cpu": "a CPU", "gpu": "one GPU", "slurm": "Slurm"}


def first_config(machine: Machine, run: str, data: Mapping[str, Any], why: Mapping[str, str]) -> str:
    """The text of a config file.

    Args:
        data: its section ``data``.
        why: a comment for keys of that section.
    """
    scale = SCALES[machine]
    values = {
        "PLACE": _PLACES[machine],
        "RUN": run,
        "SEEDS": scale.seeds,
        "TOKENS": str(scale.tokens),
        "OPTIONS": scale.options,
        "BASE": scale.base,
        "COMMENT": scale.comment,
        "BT": _PROBE if machine == "cpu" else _ADAPTERS,
        "BATCH": str(scale.batch),
        "ACCUMULATION": str(16 // scale.batch),
        "STEPS": str(scale.steps),
        # last, since a person's names may be like a slot's
        "DATA": "\n".join(_line(key, value, why.get(key)) for key, value in data.items()),
    }
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _line(key: str, value: Any, comment: str | None) -> str:
    shown = yaml.safe_dump(
        json.loads(json.dumps(value)),
        default_flow_style=True,
        allow_unicode=True,
        sort_keys=False,
        width=10**6,
    )
    text = shown.removesuffix("\n").removesuffix("\n...").strip()
    return f"  {key}: {text}" + (f" # {comment}" if comment else "")

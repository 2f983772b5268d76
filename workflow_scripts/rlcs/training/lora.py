"""LoRA: trained adapters are published merged, so that every later stage loads them like any other model."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from transformers import PreTrainedModel, Trainer

from rlcs.config.training import AdapterConfig
from rlcs.models.loading import load_causal, load_scalar
from rlcs.stages.ranks import is_main


def adapter_config(lora: AdapterConfig | None, task: Literal["CAUSAL_LM", "SEQ_CLS"]) -> LoraConfig | None:
    """Make peft's config from an entry's ``lora``, for TRL's ``peft_config``; None without adapters.

    A reward model's new head is trained in full.
    """
    if lora is None:
        return None
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        exclude_modules=lora.exclude_modules,
        task_type=task,
    )


def save_whole(trainer: Trainer, folder: Path, adapter: Path | None = None) -> None:
    """Write a trainer's whole model: gathered from all processes, with an adapter merged.

    Every process must call it; the main one writes. The training can continue after it, with the random state
    that it had.

    Args:
        adapter: the folder for a LoRA adapter itself; None writes none.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped) if sharded else None
    if not is_main():
        return
    if isinstance(model, PeftModel):
        # peft and transformers draw initial weights, which are replaced at once
        with TemporaryDirectory() as scratch, torch.random.fork_rng():
            saved = adapter or Path(scratch)
            model.save_pretrained(str(saved), state_dict=state)
            model, state = merge_adapter(model.peft_config[model.active_adapter], saved), None
            _remove_paths(saved)
    model.save_pretrained(str(folder), state_dict=state)
    trainer.processing_class.save_pretrained(str(folder))


def merge_adapter(config: PeftConfig, adapter: Path) -> PreTrainedModel:
    """Load the model that an adapter was trained on, with the adapter merged into its weights."""
    path = config.base_model_name_or_path
    base = load_scalar(path, new_head=True) if config.task_type == "SEQ_CLS" else load_causal(path)
    return PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()


def _remove_paths(adapter: Path) -> None:
    """Remove the base's path on this machine from the adapter's files; the manifest names the base."""
    (adapter / "README.md").unlink()
    config = adapter / "adapter_config.json"
    portable = {**json.loads(config.read_text(encoding="utf-8")), "base_model_name_or_path": None}
    config.write_text(json.dumps(portable, indent=2, sort_keys=True) + "\n", encoding="utf-8")

"""LoRA: trained adapters are published merged, so that every later stage loads them like any other model."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from peft.tuners.lora import LoraLayer
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel, Trainer

from rlcs.config.training import AdapterConfig, Precision
from rlcs.models.loading import load_causal, load_scalar
from rlcs.stages.ranks import is_main
from rlcs.stages.stage import log
from rlcs.training.precision import lost_update, rounded, set_dtype


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


def save_whole(
    trainer: Trainer, folder: Path, adapter: Path | None = None, dtype: Precision = "float32"
) -> None:
    """Write a trainer's whole model: gathered from all processes, with an adapter merged.

    Every process must call it; the main one writes. The training can continue after it, with the random state
    that it had. What the weights lose by ``dtype`` is logged and lies beside them.

    Args:
        adapter: the folder for a LoRA adapter itself; None writes none.
        dtype: precision of the written weights.
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
    trained = state or model.state_dict()
    model.save_pretrained(str(folder), state_dict=rounded(trained, dtype))
    set_dtype(folder, dtype)
    trainer.processing_class.save_pretrained(str(folder))
    if start := model.name_or_path:  # a new model has none
        lost = lost_update(Path(start), trained, dtype)
        lost.write(folder)
        log.log(logging.WARNING if lost.is_flagged else logging.INFO, "%s", lost)


def merge_adapter(config: PeftConfig, adapter: Path) -> PreTrainedModel:
    """Load the model that an adapter was trained on, with the adapter merged into its weights, in float32.

    In bfloat16 most of a small update would be lost.
    """
    path = config.base_model_name_or_path
    if config.task_type == "SEQ_CLS":
        base = load_scalar(path, new_head=True, dtype="float32")
    else:
        base = load_causal(path, dtype="float32")
    return PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()


def keep_base(model: PeftModel) -> None:
    """Make a model's ``unmerge_adapter`` put back the very weights that were there before its first merge.

    TRL merges adapters in place to hand weights to vLLM, and takes them off again by subtraction. In bfloat16
    the two do not cancel: the frozen base drifts, and no checkpoint has it. The copy is in the machine's own
    memory.
    """
    merge, unmerge = model.merge_adapter, model.unmerge_adapter
    layers = [module.get_base_layer() for module in model.modules() if isinstance(module, LoraLayer)]
    kept: list[torch.Tensor] = []

    @torch.no_grad()
    def merge_adapter(*args: Any, **kwargs: Any) -> None:
        if not kept:
            kept.extend(_local(layer.weight).to("cpu", copy=True) for layer in layers)
        merge(*args, **kwargs)

    @torch.no_grad()
    def unmerge_adapter() -> None:
        unmerge()
        for layer, weight in zip(layers, kept, strict=True):
            _local(layer.weight).copy_(weight)

    model.merge_adapter, model.unmerge_adapter = merge_adapter, unmerge_adapter


def _local(weight: torch.Tensor) -> torch.Tensor:
    """The weight itself, or this process's shard of it (FSDP2)."""
    return weight.to_local() if isinstance(weight, DTensor) else weight


def _remove_paths(adapter: Path) -> None:
    """Remove the base's path on this machine from the adapter's files; the manifest names the base."""
    (adapter / "README.md").unlink()
    config = adapter / "adapter_config.json"
    portable = {**json.loads(config.read_text(encoding="utf-8")), "base_model_name_or_path": None}
    config.write_text(json.dumps(portable, indent=2, sort_keys=True) + "\n", encoding="utf-8")

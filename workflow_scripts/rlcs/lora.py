"""LoRA: a trained adapter is published merged, so that every later stage loads it as any other model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from peft import LoraConfig, PeftModel
from transformers import Trainer

from rlcs.entries import Lora


def adapter_config(lora: Lora | None, task: Literal["CAUSAL_LM", "SEQ_CLS"]) -> LoraConfig | None:
    """peft's config of an entry's ``lora``, for TRL's ``peft_config``; a reward model's new head is trained
    in full."""
    if lora is None:
        return None
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type=task,
    )


def publish_adapter(trainer: Trainer, folder: Path) -> None:
    """Write a trainer's adapter to ``folder`` and merge it into the trainer's model; nothing without one."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if not isinstance(model, PeftModel):
        return
    model.save_pretrained(str(folder))
    # both state where the base lies on this machine; the artifact's manifest says which base it is
    (folder / "README.md").unlink()
    config = folder / "adapter_config.json"
    said = {**json.loads(config.read_text(encoding="utf-8")), "base_model_name_or_path": None}
    config.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    trainer.model = model.merge_and_unload()

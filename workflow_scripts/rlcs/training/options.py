"""TRL options of a training, checked, and TRL's fused LM head on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, get_type_hints

import torch
from pydantic import TypeAdapter, ValidationError
from transformers import TrainingArguments
from trl import GRPOConfig
from trl.trainer import utils

from rlcs.errors import InputError
from rlcs.stages.stage import Stage, log
from rlcs.training.checkpointing import check_save_steps


def grpo_options(stage: Stage, entry: Mapping[str, Any], scratch: str) -> GRPOConfig:
    """Build GRPO options of a stage, with checkpoints in ``scratch``; prompts stay in the given order.

    Args:
        entry: the entry's own TRL options.
    """
    shared = {**stage.config["training"], "shuffle_dataset": False}
    return build_options(GRPOConfig, shared, entry, seed=stage.seed, output_dir=scratch)


def sampling_options(options: GRPOConfig) -> dict[str, Any]:
    """The sampling of a training's rollouts, in the words of ``generation.generate``."""
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed")
    return {name: getattr(options, name) for name in names}


# the one place that decides: tests/training/test_fused_head.py holds TRL to it
_has_triton = utils._use_triton


def skip_prompt_logits() -> None:
    """Make TRL's fused LM head skip prompt positions on a CPU too, for all trainers of this process.

    TRL 1.16 skips them if Triton runs. Otherwise it scores all positions, to spare a compiler new shapes.
    Nothing is compiled here, and in a small model with a large vocabulary the head is much of the work: half
    of a step of SmolLM2-135M with adapters on its upper layers. Scores of completions stay the same.
    """
    utils._use_triton = lambda device: device.type == "cpu" or _has_triton(torch.device(device))


Options = TypeVar("Options", bound=TrainingArguments)


# vLLM holds transformers below 5.18 where jobs have a GPU; there the option has its former name.
_FORMER_NAMES = {
    "activation_checkpointing": "gradient_checkpointing",
    "activation_checkpointing_kwargs": "gradient_checkpointing_kwargs",
}


def rename_options(options: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Rename options of the config to the names that the installed transformers knows."""
    return {
        name if name in known else _FORMER_NAMES.get(name, name): value for name, value in options.items()
    }


def build_options(
    options_class: Callable[..., Options],
    shared: Mapping[str, Any],
    entry: Mapping[str, Any],
    *,
    seed: int,
    output_dir: str,
) -> Options:
    """Build TRL options: the run's shared ones, then the entry's, then those that the workflow sets.

    Raises:
        InputError: an unknown option, or a value that TRL, its declared type or exact resuming refuses.
    """
    types = get_type_hints(options_class)
    shared, entry = rename_options(shared, types), rename_options(entry, types)
    for name, value in {**shared, **entry}.items():
        try:  # TRL checks few types by itself: the text "1e-2" would fail in the middle of a training
            TypeAdapter(types.get(name, Any)).validate_python(value, strict=True)
        except ValidationError as error:
            problem = error.errors()[0]
            hint = "; YAML reads 1e-2 as text, write 1.0e-2" if problem["type"] == "float_type" else ""
            raise InputError(
                f"{name} = {value!r} is refused by {options_class.__name__}: {problem['msg']}{hint}"
            ) from error
    try:
        options = options_class(
            **{"save_total_limit": 2, **shared, **entry},
            seed=seed,
            data_seed=seed,
            output_dir=output_dir,
            report_to="none",
            save_strategy="steps",
        )
        # one process drives one GPU: others are a served judge's, or of other processes
        options._n_gpu = min(options.n_gpu, 1)
        if options.use_cpu and torch.cuda.is_available():
            log.info("use_cpu: there is a GPU, and it is not used")
        if options.bf16 and options.device.type == "cpu" and not cpu_has_bf16():
            log.info("bf16: this CPU has no instructions for it and would be slower: training in float32")
            options.bf16, options.mixed_precision = False, "no"
        check_save_steps(options)
    except (TypeError, ValueError) as error:
        raise InputError(f"training options refused by {options_class.__name__}: {error}") from error
    return options


def cpu_has_bf16() -> bool:
    """True if the CPU multiplies in bfloat16 (lscpu: avx512_bf16, amx_bf16) rather than through float32."""
    return any("bf16" in name and has for name, has in torch.cpu.get_capabilities().items())

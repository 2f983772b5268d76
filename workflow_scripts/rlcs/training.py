"""What all trainings share: TRL options, saving, and the history of the logs.

Trainers are TRL's; a stage only chooses data and options.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import torch
from pydantic import TypeAdapter, ValidationError
from transformers import Trainer, TrainingArguments, set_seed

from rlcs.checkpointing import check_save_steps, last_checkpoint, saves_on_sigterm
from rlcs.fused_head import leave_out_prompts
from rlcs.lora import save_whole
from rlcs.processes import agreed, is_main, wait_for_all
from rlcs.records import HISTORY, write_rows
from rlcs.stage import InputError, Stage

log = logging.getLogger("rlcs")

Options = TypeVar("Options", bound=TrainingArguments)

# Different in every run (run.json has the durations), or counted anew after a resume.
_NOT_KEPT = ("runtime", "per_second", "step_time", "profiling", "mfu", "tokens_per", "num_tokens")


# vLLM holds transformers below 5.18 where jobs have a GPU; there the option has its former name.
_FORMER_NAMES = {
    "activation_checkpointing": "gradient_checkpointing",
    "activation_checkpointing_kwargs": "gradient_checkpointing_kwargs",
}


def in_known_names(options: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Options of the config in the names that the installed transformers knows."""
    return {
        name if name in known else _FORMER_NAMES.get(name, name): value for name, value in options.items()
    }


def build_options(
    options_class: Callable[..., Options],
    shared: Mapping[str, Any],
    own: Mapping[str, Any],
    *,
    seed: int,
    output_dir: str,
) -> Options:
    """TRL options: the run's shared ones, then the model's own, then what the workflow sets.

    Raises:
        InputError: an unknown option, or a value that TRL, its declared type or exact resuming
            refuses.
    """
    types = get_type_hints(options_class)
    shared, own = in_known_names(shared, types), in_known_names(own, types)
    for name, value in {**shared, **own}.items():
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
            **{"save_total_limit": 2, **shared, **own},
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
    """Whether the CPU multiplies in bfloat16 (lscpu: avx512_bf16, amx_bf16), not by way of float32."""
    return any("bf16" in name and has for name, has in torch.cpu.get_capabilities().items())


def train(
    stage: Stage,
    make_trainer: Callable[[str], Trainer],
    finish: Callable[[Trainer, Path], None] = lambda trainer, folder: None,
) -> None:
    """Run a trainer, from its last checkpoint where it was killed, and publish its model and its history.

    Args:
        make_trainer: makes the trainer, given the folder of its checkpoints as TRL's ``output_dir``.
        finish: what else is to be written, given the trainer and the artifact's folder.
    """
    with stage.artifact() as folder:
        checkpoints = stage.checkpoints()
        leave_out_prompts()
        set_seed(stage.seed)  # a reward model's new head is drawn before the trainer seeds anything
        trainer = make_trainer(str(checkpoints))
        with saves_on_sigterm(trainer):
            trainer.train(resume_from_checkpoint=agreed(lambda: last_checkpoint(checkpoints)))
        save_whole(trainer, folder / "model", folder / "adapter")
        if is_main():
            write_rows(folder / "history.parquet", history(trainer.state.log_history), HISTORY)
            finish(trainer, folder)
        wait_for_all()


def history(log_history: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """A trainer's logs as rows (step, metric, value), without timings and the closing summary."""
    return [
        {"step": int(entry["step"]), "metric": metric, "value": float(value)}
        for entry in log_history
        if "train_runtime" not in entry
        for metric, value in sorted(entry.items())  # a resumed trainer has them in another order
        if metric not in ("step", "epoch") and not any(word in metric for word in _NOT_KEPT)
        if value is not None  # TRL's word for a mean over nothing
    ]

"""What each stage that loads a model needs of a GPU, before any job is queued: ``snakemake check`` prints it.

An estimate by the formulas of ``memory``; where lengths are not known before the data is read, the longest
that the config allows, and ``PROMPT_TOKENS`` for what stands around the stories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rlcs.config.bases import ShapeConfig
from rlcs.planning import gpu_memory
from rlcs.planning.gpu_memory import known_shape
from rlcs.stages.launch import Launch

PROMPT_TOKENS = 512  # our assumption: a template, its rubric and a context, without stories
GB = 10**9
VLLM = "vLLM"  # beside a training, which it writes the rollouts of

# Of an NVIDIA A100 80GB by its data sheet (dense bf16), and the share of it that trainings reach (Narayanan
# et al. 2021: 44-52 %): a plan's times are such a GPU's.
TERAFLOPS, SHARE_REACHED, TERABYTES_PER_SECOND = 312, 0.4, 2.0


@dataclass(frozen=True)
class Plan:
    """One stage: bytes by what holds them, on the fullest GPU of the job, and how long its steps take there.

    ``parts`` are held all the time, of ``phases`` one after the other. ``share``: of the GPU's memory, what
    the stage may have (vLLM's gpu_memory_utilization). ``reserved``: of it, what a colocated vLLM takes
    whole, whatever it needs. ``hours``: None where the number of steps is not known before the data is read.
    """

    key: str
    parts: Mapping[str, float]
    phases: Mapping[str, float]
    gpus: int = 1
    advice: Sequence[str] = ()
    hours: float | None = None
    share: float = 1.0
    reserved: float = 0.0

    @property
    def total(self) -> float:
        return sum(self.parts.values()) + max(self.phases.values(), default=0.0) + gpu_memory.OVERHEAD

    def __str__(self) -> str:
        held = [f"{name} {size / GB:.1f}" for name, size in self.parts.items() if size]
        most = " or ".join(f"{name} {size / GB:.1f}" for name, size in self.phases.items() if size)
        sums = [*held, *([f"the largest of ({most})"] if " or " in most else [most] if most else [])]
        gpus = f", each of {self.gpus} GPUs" if self.gpus > 1 else ""
        hours = "" if self.hours is None else f"; at least {self.hours:.2g} h on A100s"
        return (
            f"{self.key}: {self.total / GB:.0f} GB{gpus} = {' + '.join(sums)} + "
            f"{gpu_memory.OVERHEAD / GB:.0f} beside the model{hours}"
        )

    def problem(self, gigabytes: float) -> str | None:
        """What to say where it does not fit into a GPU of so many GB; None where it does."""
        place = f"a GPU of {gigabytes:g} GB (gpu_gigabytes)"
        if self.reserved:
            return self._beside_vllm(gigabytes, place)
        if self.total <= self.share * gigabytes * GB:
            return None
        if self.share < 1:
            place = f"{self.share:g} (gpu_memory_utilization) of {place}"
        return f"{self} does not fit into {place}: {'; '.join(self.advice)}"

    def _beside_vllm(self, gigabytes: float, place: str) -> str | None:
        taken, need = self.reserved * gigabytes * GB, {**self.parts, **self.phases}[VLLM]
        said = f"vllm_gpu_memory_utilization = {self.reserved:g}"
        if need > taken:
            return (
                f"{self.key}: vLLM needs {need / GB:.1f} GB of each GPU, and {said} of {place} gives it "
                f"{taken / GB:.1f}: raise it, or vllm_tensor_parallel_size"
            )
        parts, phases = (
            {name: taken if name == VLLM else size for name, size in held.items()}
            for held in (self.parts, self.phases)
        )
        there = replace(self, parts=parts, phases=phases, reserved=0.0)
        return (told := there.problem(gigabytes)) and f"{told}; {said} is what vLLM takes, lower it"


def shape_of(base: Mapping[str, Any]) -> ShapeConfig | None:
    """The shape of a base by its entry; None where it is not known without a network."""
    if base.get("shape"):
        return ShapeConfig.model_validate(base["shape"])
    return known_shape(base["model"], base.get("revision"))


def training_plan(
    stage: Mapping[str, Any], options: Any, shape: ShapeConfig, judges: Sequence[ShapeConfig]
) -> Plan:
    """Of a training on GPUs.

    Args:
        stage: made by ``plan_sections.plan``, and the class of its options.
        options: the trainer's, as ``build_options`` makes them.
        judges: frozen models that this process holds beside it.
    """
    launch = Launch.of_file(Path(stage["launch"])) if stage["launch"] else None
    gpus = launch.processes if launch else 1
    is_sharded = launch is not None and shards_weights(launch.config)
    shards = gpus if is_sharded else 1
    total = gpu_memory.parameters(shape)
    trained = gpu_memory.lora_parameters(shape, stage["lora"]) if stage["lora"] else total
    parts = gpu_memory.training_state(total, trained, shards)
    if is_sharded:
        parts["gathered layers"] = gpu_memory.gathered_weights(shape)
    if getattr(options, "beta", 0) and not stage["lora"]:
        parts["reference model"] = gpu_memory.BF16 * total / shards
    parts["judges"] = sum(gpu_memory.BF16 * gpu_memory.parameters(judge) for judge in judges)

    rows, length, checkpointing = batch(stage, options), row_tokens(stage, options), is_checkpointed(options)
    phases = {"activations": float(gpu_memory.activations(shape, rows * length, checkpointing=checkpointing))}
    rollouts = options.per_device_train_batch_size * getattr(options, "steps_per_generation", 0)
    if rollouts and not options.use_vllm:
        phases["KV cache of rollouts"] = gpu_memory.kv_cache(shape, rollouts * length)
    elif rollouts and options.vllm_mode == "colocate":  # asleep, it holds nothing while the policy learns
        held = phases if options.vllm_enable_sleep_mode else parts
        weights = gpu_memory.BF16 * total / options.vllm_tensor_parallel_size
        held[VLLM] = weights + gpu_memory.kv_cache(shape, length)
    answers = [
        gpu_memory.kv_cache(judge, asked["batch_size"] * (PROMPT_TOKENS + asked["tokens"]))
        for judge, asked in zip(judges, stage["judges"], strict=True)
    ]
    if answers:
        phases["KV cache of judges"] = max(answers)
    return Plan(
        stage["key"],
        parts,
        phases,
        gpus,
        training_advice(stage, options, max(phases, key=phases.__getitem__), is_sharded=is_sharded),
        hours(stage, options, shape, gpus),
        reserved=options.vllm_gpu_memory_utilization if VLLM in {**parts, **phases} else 0.0,
    )


def shards_weights(config: Path) -> bool:
    """Whether accelerate's config file parts the weights over the GPUs."""
    said = yaml.safe_load(config.read_text(encoding="utf-8"))
    if said.get("distributed_type") == "DEEPSPEED":
        return bool((said.get("deepspeed_config") or {}).get("zero_stage") == 3)
    return said.get("distributed_type") == "FSDP"


def batch(stage: Mapping[str, Any], options: Any) -> int:
    """Rows that one forward pass of the training has; a pair is two."""
    return int(options.per_device_train_batch_size) * (2 if stage["class"] == "RewardConfig" else 1)


def prompt_tokens(stage: Mapping[str, Any]) -> int:
    """The longest prompt of a stage, as far as the config says."""
    return PROMPT_TOKENS + int(stage["stories"]) * int(stage["story_tokens"])


def row_tokens(stage: Mapping[str, Any], options: Any) -> int:
    """The longest row of a training."""
    if stage["class"] == "GRPOConfig":
        return prompt_tokens(stage) + int(options.max_completion_length)
    return int(options.max_length or prompt_tokens(stage) + stage["answer_tokens"])


def is_checkpointed(options: Any) -> bool:
    """Whether activations are computed again; transformers before 5.23 have the older name alone."""
    return bool(
        getattr(options, "activation_checkpointing", getattr(options, "gradient_checkpointing", False))
    )


def hours(stage: Mapping[str, Any], options: Any, shape: ShapeConfig, gpus: int) -> float | None:
    """Of a known number of steps: the arithmetic of training, and the reading of the weights for each token
    that transformers writes; what a judge takes is not in it."""
    if options.max_steps <= 0:
        return None
    total, length = gpu_memory.parameters(shape), row_tokens(stage, options)
    tokens = batch(stage, options) * options.gradient_accumulation_steps * length
    flops = gpu_memory.training_flops(total, tokens, checkpointing=is_checkpointed(options))
    seconds = flops / (TERAFLOPS * 1e12 * SHARE_REACHED)
    if stage["class"] == "GRPOConfig" and not options.use_vllm:
        rounds = options.gradient_accumulation_steps / (options.steps_per_generation * options.num_iterations)
        reading = gpu_memory.BF16 * total / (TERABYTES_PER_SECOND * 1e12)
        seconds += rounds * options.max_completion_length * reading
    return float(options.max_steps * seconds / 3600)


def training_advice(stage: Mapping[str, Any], options: Any, largest: str, *, is_sharded: bool) -> list[str]:
    """What makes a training smaller, the cheapest first; ``largest``: of its phases."""
    trains, rolls_out = largest == "activations", largest == "KV cache of rollouts"
    together = getattr(options, "vllm_tensor_parallel_size", 1)
    ways = [
        (trains and not is_checkpointed(options), "set activation_checkpointing: true"),
        (trains and options.per_device_train_batch_size > 1, "halve per_device_train_batch_size"),
        (rolls_out, "let vLLM write the rollouts (use_vllm)"),
        (largest == VLLM, f"raise vllm_tensor_parallel_size = {together}"),
        (largest == "KV cache of judges", "lower the judges' batch_size"),
        (bool(stage["judges"]), "let endpoints judge and verify (judging.engine: vllm, backend: openai)"),
        (not stage["lora"], "train with lora"),
        (not is_sharded, "launch with config/accelerate/fsdp2-8.yaml"),
        (is_sharded, "launch on more GPUs"),
        (True, "take a smaller base"),
    ]
    return [way for applies, way in ways if applies]


def answering_plan(stage: Mapping[str, Any], shape: ShapeConfig) -> Plan:
    """Of a stage where a model answers or writes: in process a whole batch at once; vLLM needs room for one
    answer at least, and uses what is left for more."""
    vllm = stage["vllm"]
    gpus = 1 if vllm is None else int(vllm.get("tensor_parallel_size", 1))
    tokens = prompt_tokens(stage) + stage["answer_tokens"]
    if vllm is None:
        tokens *= stage["batch_size"]
        advice = [f"lower {stage['key_of_batch']} = {stage['batch_size']}"]
    else:
        tokens = int(vllm.get("max_model_len", tokens))
        advice = [
            f"raise judging.vllm.tensor_parallel_size = {gpus}, and the job's GPUs in slurm/config.yaml"
        ]
    return Plan(
        stage["key"],
        {"weights": gpu_memory.BF16 * gpu_memory.parameters(shape) / gpus},
        {"KV cache": gpu_memory.kv_cache(shape, tokens) / gpus},
        gpus,
        [*advice, "take a smaller base"],
        share=1.0 if vllm is None else float(vllm.get("gpu_memory_utilization", 0.9)),
    )

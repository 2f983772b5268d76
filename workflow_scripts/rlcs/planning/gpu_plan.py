"""The GPU memory and time of each stage that loads a model; ``snakemake check`` prints them before any job.

They are estimates by the formulas of ``gpu_memory``. Lengths are not known before the data is read: they are
the largest that the config allows, with ``PROMPT_TOKENS`` for the text around the stories.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rlcs.config.bases import PretrainedBaseConfig, ShapeConfig
from rlcs.config.judging import ModelVerifierConfig
from rlcs.config.lineage import lineage
from rlcs.config.policies import DPOPolicyConfig, GRPOPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.section import ModelConfig
from rlcs.config.trained_judges import GenrmGRPOConfig, ScalarJudgeConfig
from rlcs.config.training import TrainedConfig
from rlcs.config.untrained_judges import RewardModelJudgeConfig
from rlcs.planning import gpu_memory
from rlcs.planning.gpu_memory import known_shape
from rlcs.planning.stage_configs import is_served, policy_judges, policy_verifier
from rlcs.stages.launch import Launch

PROMPT_TOKENS = 512  # design choice: a template, its rubric and a context, without stories
GB = 10**9
SCALAR = (ScalarJudgeConfig, RewardModelJudgeConfig)  # judges that read one story and write nothing
VLLM = "vLLM"  # beside a training, for its rollouts

# Of an NVIDIA A100 80GB by its data sheet (dense bf16), and the share of it that trainings reach (Narayanan
# et al. 2021: 44-52 %): a plan's times are such a GPU's.
TERAFLOPS, SHARE_REACHED, TERABYTES_PER_SECOND = 312, 0.4, 2.0


HALF = ("bfloat16", "float16", "half")  # vLLM's names of precisions of two bytes


@dataclass(frozen=True)
class Plan:
    """One stage: bytes by what holds them, on the fullest GPU of the job, and how long its steps take there.

    Attributes:
        parts: memory that is held all the time.
        phases: memory that is held one phase after the other.
        share: share of the GPU's memory that the stage may use (vLLM's gpu_memory_utilization).
        reserved: share that a colocated vLLM takes, whatever it needs.
        hours: None if the number of steps is not known before the data is read.
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

    @property
    def gpu_hours(self) -> float:
        """GPU hours of one job; 0 if they are not known."""
        return (self.hours or 0.0) * self.gpus

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
        """Describe what does not fit into a GPU of ``gigabytes``; None if all fits."""
        room = f"a GPU of {gigabytes:g} GB (gpu_gigabytes)"
        if self.reserved:
            return self._beside_vllm(gigabytes, room)
        if self.total <= self.share * gigabytes * GB:
            return None
        if self.share < 1:
            room = f"{self.share:g} (gpu_memory_utilization) of {room}"
        return f"{self} does not fit into {room}: {'; '.join(self.advice)}"

    def _beside_vllm(self, gigabytes: float, room: str) -> str | None:
        taken, need = self.reserved * gigabytes * GB, {**self.parts, **self.phases}[VLLM]
        option = f"vllm_gpu_memory_utilization = {self.reserved:g}"
        if need > taken:
            return (
                f"{self.key}: vLLM needs {need / GB:.1f} GB of each GPU, and {option} of {room} gives it "
                f"{taken / GB:.1f}: raise it, or vllm_tensor_parallel_size"
            )
        parts, phases = (
            {name: taken if name == VLLM else size for name, size in held.items()}
            for held in (self.parts, self.phases)
        )
        as_reserved = replace(self, parts=parts, phases=phases, reserved=0.0)
        problem = as_reserved.problem(gigabytes)
        return problem and f"{problem}; {option} is what vLLM takes, lower it"


@dataclass(frozen=True)
class GpuModel:
    """A judge or policy whose weights come from a user-supplied base."""

    config: Config
    registry: str
    name: str
    base: PretrainedBaseConfig

    @property
    def key(self) -> str:
        return f"{self.registry}.{self.name}"

    @property
    def answering_key(self) -> str:
        return f"{self.name} {'writes' if self.registry == 'policies' else 'judges'}"

    @property
    def entry(self) -> ModelConfig:
        return self.config.models(self.registry)[self.name]

    @property
    def answer_tokens(self) -> int:
        """The longest answer."""
        if self.registry == "policies":
            return self.config.sampling.max_new_tokens
        return 0 if isinstance(self.entry, SCALAR) else self.config.judging.max_new_tokens

    @property
    def prompt_tokens(self) -> int:
        """The longest prompt, as far as the config says: a judge's holds stories."""
        judged = 1 if isinstance(self.entry, SCALAR) else 2
        stories = 0 if self.registry == "policies" else judged
        return PROMPT_TOKENS + stories * self.config.sampling.max_new_tokens


def gpu_models(config: Config) -> list[GpuModel]:
    """Judges and policies that come from a user-supplied base."""
    return [
        GpuModel(config, registry, name, base)
        for registry in ("judges", "policies")
        for name in config.models(registry)
        if (base := _base(config, registry, name)) is not None
    ]


def _base(config: Config, registry: str, name: str) -> PretrainedBaseConfig | None:
    """The user-supplied base that an entry comes from; None for one of the tiny world, or none at all."""
    models = config.models(registry)
    base = config.bases.get(models[lineage(models, name)[-1]].base_name or "")
    return base if isinstance(base, PretrainedBaseConfig) else None


def weight_bytes(config: Config, registry: str, name: str) -> int:
    """Bytes of a weight in the files of a judge or policy: as it was published, or as its base is stored."""
    models = config.models(registry)
    for ancestor in lineage(models, name):
        if isinstance(entry := models[ancestor], TrainedConfig):
            return gpu_memory.BF16 if entry.dtype == "bfloat16" else gpu_memory.FP32
    base = _base(config, registry, name)
    return base_bytes(base) if base else gpu_memory.FP32


def base_bytes(base: PretrainedBaseConfig) -> int:
    """Bytes of a base's weight; files are taken to be bf16 unless the config says otherwise."""
    return gpu_memory.FP32 if base.dtype == "float32" or base.gguf_file else gpu_memory.BF16


def start_bytes(model: GpuModel) -> int:
    """Bytes of a weight of the model that a training starts from."""
    ancestors = lineage(model.config.models(model.registry), model.name)
    if len(ancestors) == 1:
        return base_bytes(model.base)
    return weight_bytes(model.config, model.registry, ancestors[1])


def frozen_models(model: GpuModel) -> list[tuple[PretrainedBaseConfig, int, int]]:
    """The judges and the verifier in the process of a policy's training.

    Each with the tokens of a batch, whose questions and answers are the longest, and the bytes of a weight.
    """
    if model.registry != "policies":
        return []
    config, story = model.config, model.config.sampling.max_new_tokens
    judging = config.judging
    frozen = [
        (
            base,
            judging.batch_size * (PROMPT_TOKENS + 2 * story + judging.max_new_tokens),
            weight_bytes(config, "judges", judge),
        )
        for judge in policy_judges(config, model.name)
        if config.serving.gpus == 0 or not is_served(config, config.judges[judge])
        if (base := _base(config, "judges", judge)) is not None
    ]
    verifier = config.verifiers.get(policy_verifier(config, model.name) or "")
    if isinstance(verifier, ModelVerifierConfig):
        verifying = config.bases[verifier.base]
        if isinstance(verifying, PretrainedBaseConfig):
            tokens = verifier.batch_size * (PROMPT_TOKENS + story + verifier.max_new_tokens)
            frozen.append((verifying, tokens, base_bytes(verifying)))
    return frozen


def shape_of(base: PretrainedBaseConfig) -> ShapeConfig | None:
    """The shape of a base; None if it is not known without a network."""
    return base.shape or known_shape(base.model, base.revision)


def training_plan(model: GpuModel, entry: TrainedConfig, options: Any) -> Plan | None:
    """The memory plan of one training stage; None if a shape is not known.

    Args:
        entry: that of ``model``.
        options: the trainer's, as ``build_options`` makes them.
    """
    shape, frozen = shape_of(model.base), frozen_models(model)
    judges = [(judge, tokens, held) for base, tokens, held in frozen if (judge := shape_of(base)) is not None]
    if shape is None or len(judges) < len(frozen):
        return None
    launch = Launch.of_file(entry.launch) if entry.launch else None
    gpus = launch.processes if launch else 1
    is_sharded = launch is not None and shards_weights(launch.config)
    shards = gpus if is_sharded else 1
    total, lora = gpu_memory.parameters(shape), entry.lora
    trained = gpu_memory.lora_parameters(shape, lora.r) if lora else total
    parts = gpu_memory.training_state(total, trained, shards, frozen_bytes=start_bytes(model))
    if is_sharded:
        parts["gathered layers"] = gpu_memory.gathered_weights(shape)
    if not lora and holds_reference(options):
        parts["reference model"] = gpu_memory.FP32 * total / shards
    parts["judges"] = sum(held * gpu_memory.parameters(judge) for judge, _, held in judges)

    rows, length, checkpointing = batch(entry, options), row_tokens(model, options), is_checkpointed(options)
    phases = {"activations": float(gpu_memory.activations(shape, rows * length, checkpointing=checkpointing))}
    rollouts = options.per_device_train_batch_size * getattr(options, "steps_per_generation", 0)
    if rollouts and not options.use_vllm:
        phases["KV cache of rollouts"] = gpu_memory.kv_cache(shape, rollouts * length)
    elif rollouts and options.vllm_mode == "colocate":  # asleep, it holds nothing while the policy learns
        held = phases if options.vllm_enable_sleep_mode else parts
        weights = gpu_memory.BF16 * total / options.vllm_tensor_parallel_size
        held[VLLM] = weights + gpu_memory.kv_cache(shape, length)
    answers = [gpu_memory.kv_cache(judge, tokens, held) for judge, tokens, held in judges]
    if answers:
        phases["KV cache of judges"] = max(answers)
    return Plan(
        model.key,
        parts,
        phases,
        gpus,
        training_advice(
            entry, options, max(phases, key=phases.__getitem__), is_sharded=is_sharded, judges=bool(judges)
        ),
        training_hours(model, options, shape),
        reserved=options.vllm_gpu_memory_utilization if VLLM in {**parts, **phases} else 0.0,
    )


def shards_weights(config: Path) -> bool:
    """True if accelerate's config file shards the weights over the GPUs."""
    launch = yaml.safe_load(config.read_text(encoding="utf-8"))
    if launch.get("distributed_type") == "DEEPSPEED":
        return bool((launch.get("deepspeed_config") or {}).get("zero_stage") == 3)
    return launch.get("distributed_type") == "FSDP"


def is_grpo(entry: ModelConfig) -> bool:
    return isinstance(entry, GenrmGRPOConfig | GRPOPolicyConfig)


def holds_reference(options: Any) -> bool:
    """True if a training of all weights has the reference model in memory beside them."""
    return bool(getattr(options, "beta", 0)) and not getattr(options, "precompute_ref_log_probs", False)


def batch(entry: ModelConfig, options: Any) -> int:
    """Rows that one forward pass of the training has; a pair is two."""
    pairs = isinstance(entry, ScalarJudgeConfig | DPOPolicyConfig)
    return int(options.per_device_train_batch_size) * (2 if pairs else 1)


def row_tokens(model: GpuModel, options: Any) -> int:
    """The longest row of a training."""
    if is_grpo(model.entry):
        return model.prompt_tokens + int(options.max_completion_length)
    return int(options.max_length or model.prompt_tokens + model.answer_tokens)


def is_checkpointed(options: Any) -> bool:
    """True if activations are computed again; transformers before 5.23 know the older name alone."""
    return bool(
        getattr(options, "activation_checkpointing", getattr(options, "gradient_checkpointing", False))
    )


def training_hours(model: GpuModel, options: Any, shape: ShapeConfig) -> float | None:
    """Hours of a known number of steps: the arithmetic of training, and the reading of the weights for each
    token that transformers writes; what a judge takes is not in it."""
    if options.max_steps <= 0:
        return None
    total, length = gpu_memory.parameters(shape), row_tokens(model, options)
    tokens = batch(model.entry, options) * options.gradient_accumulation_steps * length
    flops = gpu_memory.training_flops(total, tokens, checkpointing=is_checkpointed(options))
    seconds = flops / (TERAFLOPS * 1e12 * SHARE_REACHED)
    if is_grpo(model.entry) and not options.use_vllm:
        rounds = options.gradient_accumulation_steps / (options.steps_per_generation * options.num_iterations)
        reading = gpu_memory.BF16 * total / (TERABYTES_PER_SECOND * 1e12)
        seconds += rounds * options.max_completion_length * reading
    return float(options.max_steps * seconds / 3600)


def training_advice(
    entry: TrainedConfig, options: Any, largest: str, *, is_sharded: bool, judges: bool
) -> list[str]:
    """Ways to make a training smaller, the cheapest first.

    Args:
        largest: of its phases.
        judges: whether its process holds judges or a verifier.
    """
    trains, rolls_out = largest == "activations", largest == "KV cache of rollouts"
    together = getattr(options, "vllm_tensor_parallel_size", 1)
    ways = [
        (trains and not is_checkpointed(options), "set activation_checkpointing: true"),
        (trains and options.per_device_train_batch_size > 1, "halve per_device_train_batch_size"),
        (rolls_out, "let vLLM write the rollouts (use_vllm)"),
        (largest == VLLM, f"raise vllm_tensor_parallel_size = {together}"),
        (largest == "KV cache of judges", "lower the judges' batch_size"),
        (judges, "let endpoints judge and verify (judging.engine: vllm, backend: openai)"),
        (not entry.lora, "train with lora"),
        (not is_sharded, "launch with config/accelerate/fsdp2-8.yaml"),
        (is_sharded, "launch on more GPUs"),
        (True, "take a smaller base"),
    ]
    return [way for applies, way in ways if applies]


def answering_plan(model: GpuModel) -> Plan | None:
    """The memory plan of a stage in which a model judges or writes; None if its shape is not known.

    In process a whole batch is answered at once; vLLM needs room for one answer at least, and uses what is
    left for more.
    """
    if (shape := shape_of(model.base)) is None:
        return None
    config, tokens = model.config, model.prompt_tokens + model.answer_tokens
    judges = model.registry == "judges"
    if judges and is_served(config, model.entry):
        vllm = config.judging.vllm
        gpus, share = int(vllm.get("tensor_parallel_size", 1)), float(vllm.get("gpu_memory_utilization", 0.9))
        tokens = int(vllm.get("max_model_len", tokens))
        advice = f"raise judging.vllm.tensor_parallel_size = {gpus}"
    else:
        gpus, share = 1, 1.0
        batch_size = config.judging.batch_size if judges else config.sampling.batch_size
        tokens *= batch_size
        advice = f"lower {'judging' if judges else 'sampling'}.batch_size = {batch_size}"
    number_bytes = weight_bytes(config, model.registry, model.name)
    if judges and is_served(config, model.entry) and config.judging.vllm.get("dtype") in HALF:
        number_bytes = gpu_memory.BF16
    halved = ["publish with dtype: bfloat16"] if number_bytes == gpu_memory.FP32 else []
    return Plan(
        model.answering_key,
        {"weights": number_bytes * gpu_memory.parameters(shape) / gpus},
        {"KV cache": gpu_memory.kv_cache(shape, tokens, number_bytes) / gpus},
        gpus,
        [advice, *halved, "take a smaller base"],
        share=share,
    )

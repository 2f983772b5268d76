"""The GPUs that a job asks of each of its nodes, and its time limit, as functions of the run's config.

The Slurm profile calls ``gpus_of_job`` and ``minutes_of_job`` in its expressions, and ``snakemake check``
compares the same GPUs with the site's nodes. The jobs of a rehearsal ask for the GPUs of the run that it
rehearses, so that a job that no node can take is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import prod
from typing import Any

from rlcs.config import parsing
from rlcs.config.lineage import lineage, trained_models
from rlcs.config.policies import BestOfPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.section import ModelConfig
from rlcs.config.training import TrainedConfig
from rlcs.planning.stage_configs import is_served, policy_engine, policy_judges, policy_vllm
from rlcs.stages.launch import Launch

REHEARSAL_MINUTES = 10
"""Time limit of a rehearsal's jobs, whose trainings take two steps."""

RUN: list[Config] = []
"""The run whose jobs are planned. The Snakefile puts it here, since a profile's expression sees a job's
wildcards and no config."""

# Arguments of vLLM that multiply its GPUs.
_PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
# Options of TRL that name a server of rollouts, which the job then does not start.
SERVER_ADDRESS = ("vllm_server_base_url", "vllm_server_host", "vllm_server_port")


def has_base(models: Mapping[str, ModelConfig], name: str) -> bool:
    """True if a judge or policy has weights in the run: it comes from a base."""
    return models[lineage(models, name)[-1]].base_name is not None


def answering_gpus(config: Config, judge: str) -> int:
    """GPUs of a stage in which a judge answers: those that vLLM spreads it over, one in process, none without
    weights."""
    if not has_base(config.judges, judge):
        return 0
    return _spread(config.judging.vllm) if is_served(config, config.judges[judge]) else 1


def writing_gpus(config: Config) -> int:
    """GPUs of a stage in which a policy of the run writes."""
    return 1 if policy_engine(config) == "transformers" else _spread(policy_vllm(config))


def _spread(arguments: Mapping[str, Any]) -> int:
    """GPUs that vLLM spreads a model over."""
    return prod(int(arguments.get(name, 1)) for name in _PARALLEL)


def served_gpus(config: Config, registry: str, name: str) -> dict[str, int]:
    """GPUs of each node that a training leaves to vLLM, by what vLLM does there; empty without such a server.

    A judge in the training's process, and one behind an endpoint, has none of its own.
    """
    judges = policy_judges(config, name) if registry == "policies" else []
    served = {
        f"judge {judge}": config.serving.gpus
        for judge in judges
        if has_base(config.judges, judge) and is_served(config, config.judges[judge])
    }
    entry = config.models(registry)[name]
    options = {**config.training, **(entry.training if isinstance(entry, TrainedConfig) else {})}
    if (
        options.get("use_vllm")
        and options.get("vllm_mode") == "server"
        and not options.keys() & {*SERVER_ADDRESS}
    ):
        served["rollouts"] = config.serving.rollouts.gpus
    return {what: gpus for what, gpus in served.items() if gpus}


def trainers(config: Config, registry: str, name: str) -> int:
    """Training processes on each node, which have a GPU each.

    Raises:
        InputError, OSError: as ``Launch.of_file``.
    """
    launch = getattr(config.models(registry)[name], "launch", None)
    return Launch.of_file(launch).per_node if launch else 1


def training_gpus(config: Config, registry: str, name: str) -> int:
    """GPUs of each node of a training: its processes, and what it leaves to vLLM.

    Raises:
        InputError, OSError: as ``trainers``.
    """
    return trainers(config, registry, name) + sum(served_gpus(config, registry, name).values())


def _planned_run() -> Config:
    (config,) = RUN
    return config if config.rehearses is None else _read(config.rehearses)


_read = cache(parsing.read)


def minutes_of_job(hours: float) -> int:
    """Time limit of a job of ``RUN`` that at scale has so many ``hours``."""
    (config,) = RUN
    return round(60 * hours) if config.rehearses is None else REHEARSAL_MINUTES


def gpus_of_job(rule: str, wildcards: Any) -> int:
    """GPUs that a job of ``RUN`` asks of each node.

    Args:
        rule: its name; a rule that loads no model has none.
        wildcards: of the job, as attributes.
    """
    config = _planned_run()
    match rule:
        case "judge_train_pairs":
            return answering_gpus(config, wildcards.teacher)
        case (
            "judge_test_pairs"
            | "judge_validation_pairs"
            | "judge_benchmark_pairs"
            | "judge_injections"
            | "judge_matches"
        ):
            return answering_gpus(config, wildcards.judge)
        case "judge_groups":  # which writes them too
            return max(1, answering_gpus(config, wildcards.judge))
        case "write_analyses":
            return answering_gpus(config, wildcards.judge)  # by the engine and base of what learns from them
        case "choose_stories":
            policy = config.policies[wildcards.policy]
            assert isinstance(policy, BestOfPolicyConfig), wildcards.policy
            return answering_gpus(config, policy.best_of.judge)
        case "verify_stories":
            table = config.tables.constraints
            verifier = config.verifiers[table.verifier] if table and table.verifier else None
            if verifier is None or not verifier.base_name:
                return 0
            return 1 if config.judging.engine == "transformers" else _spread(config.judging.vllm)
        case "sample_stories" | "sample_responses":
            return writing_gpus(config) if has_base(config.policies, wildcards.policy) else 0
        case "sample_candidates":
            parent = config.policies[wildcards.policy].parent_name
            return writing_gpus(config) if parent and has_base(config.policies, parent) else 0
        case "train_genrm_probe":
            return 1
        case "train_policy_sft" | "train_policy_dpo" | "train_policy_grpo":
            return training_gpus(config, "policies", wildcards.policy)
        case _ if rule.startswith("train_"):
            return training_gpus(config, "judges", wildcards.judge)
    return 0


def asked_gpus(config: Config) -> dict[str, tuple[int, str]]:
    """GPUs of each node that the run's trainings and judges ask for, and their sum in words, by job.

    Raises:
        InputError, OSError: as ``trainers``.
    """
    asked = {}
    for registry in ("judges", "policies"):
        for name in trained_models(config, registry):
            served = served_gpus(config, registry, name)
            processes = trainers(config, registry, name)
            words = [f"{processes} of the training", *(f"{gpus} of {what}" for what, gpus in served.items())]
            asked[f"{registry}.{name}"] = processes + sum(served.values()), " + ".join(words)
    for name in config.judges:
        if gpus := answering_gpus(config, name):
            asked[f"{name} judges"] = (
                gpus,
                "of vLLM" if is_served(config, config.judges[name]) else "in process",
            )
    return asked


def gpu_lines(asked: Mapping[str, tuple[int, str]]) -> list[str]:
    """Lines of the GPUs that jobs ask for, the most first; jobs with the same sum share a line."""
    jobs: dict[tuple[int, str], list[str]] = {}
    for job, gpus in asked.items():
        jobs.setdefault(gpus, []).append(job)
    return [
        f"{gpus} GPU{'s' if gpus > 1 else ''} of a node ({words}): {', '.join(names)}"
        for (gpus, words), names in sorted(jobs.items(), key=lambda item: -item[0][0])
    ]

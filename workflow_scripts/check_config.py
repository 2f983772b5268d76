"""Check a run before its first job: trainer options with the installed TRL, and the site's file for Slurm."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from trl import DPOConfig, GRPOConfig, RewardConfig, SFTConfig

from rlcs.config.parsing import parse
from rlcs.config.policies import DPOPolicyConfig, GRPOPolicyConfig, SFTPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.trained_judges import GenrmGRPOConfig, GenrmSFTConfig, GenrmVerdictsConfig, ScalarJudgeConfig
from rlcs.config.training import TrainedConfig
from rlcs.config.world import WorldBaseConfig
from rlcs.errors import InputError
from rlcs.models.embeddings import sentence_model_folder
from rlcs.planning import slurm_site
from rlcs.planning.disk_plan import disk_problem
from rlcs.planning.gpu_plan import Plan, answering_plan, gpu_models, training_plan
from rlcs.planning.job_gpus import asked_gpus, gpu_lines
from rlcs.planning.run_plan import RunPlan
from rlcs.stages.launch import Launch
from rlcs.training.grpo import assert_shaping, assert_whole_groups
from rlcs.training.options import build_options
from rlcs.training.rollouts import rollouts_problem

TrainingEntry = TrainedConfig | WorldBaseConfig
CLASSES: dict[type[TrainingEntry], Any] = {
    WorldBaseConfig: SFTConfig,
    ScalarJudgeConfig: RewardConfig,
    GenrmSFTConfig: SFTConfig,
    GenrmVerdictsConfig: SFTConfig,
    GenrmGRPOConfig: GRPOConfig,
    SFTPolicyConfig: SFTConfig,
    GRPOPolicyConfig: GRPOConfig,
    DPOPolicyConfig: DPOConfig,
}


def trainings(config: Config) -> dict[str, TrainingEntry]:
    """The entries that a training makes, by their key in the config."""
    return {
        f"{registry}.{name}": entry
        for registry in ("bases", "judges", "policies")
        for name, entry in getattr(config, registry).items()
        if isinstance(entry, TrainingEntry)
    }


def trl_options(config: Config, entry: TrainingEntry, scratch: str) -> Any:
    """An entry's options, with ``use_cpu`` if there is no GPU: on a login node TRL would refuse bf16.

    Raises:
        InputError, ValueError: TRL refuses them.
    """
    shared = config.training if torch.cuda.is_available() else {**config.training, "use_cpu": True}
    return build_options(CLASSES[type(entry)], shared, entry.training, seed=0, output_dir=scratch)


def problems(config: Config) -> list[str]:
    """List a line per model whose options TRL or its trainer refuses, or that lacks what they need."""
    lines = []
    with TemporaryDirectory() as scratch:
        for key, entry in trainings(config).items():
            try:
                options = trl_options(config, entry, scratch)
                if isinstance(entry, GenrmGRPOConfig | GRPOPolicyConfig):
                    assert_whole_groups(options, entry.groups_per_unit)
                    assert_shaping(options, entry)
            except (InputError, ValueError) as error:
                lines.append(f"{key}.training: {error}")
                continue
            if isinstance(entry, TrainedConfig) and entry.launch is not None:
                lines += [f"{key}.launch: {problem}" for problem in launch_problems(entry.launch, options)]
            if isinstance(entry, GRPOPolicyConfig) and (problem := sentence_model_problem(entry)):
                lines.append(f"{key}.diversity.sentence_model: {problem}")
            if isinstance(options, GRPOConfig) and (problem := rollouts_problem(options, config.serving)):
                lines.append(f"{key}.training: {problem}")
    return lines


def sentence_model_problem(policy: GRPOPolicyConfig) -> str | None:
    """Say why the sentence model of a policy's diversity cannot be used; None if it can, or has none."""
    model = policy.diversity.sentence_model if policy.diversity else None
    if model is not None:
        try:
            sentence_model_folder(model.package, model.model)
        except InputError as error:
            return str(error)
    return None


def launch_problems(file: Path, options: Any) -> list[str]:
    """Check the config file of a training's ``accelerate launch`` with accelerate itself."""
    try:
        launch = Launch.of_file(file)
        load_config_from_file(str(file))
    except (OSError, TypeError, ValueError) as error:
        return [str(error)]
    together = getattr(options, "vllm_tensor_parallel_size", 1)
    if getattr(options, "use_vllm", False) and options.vllm_mode == "colocate" and launch.per_node % together:
        return [
            f"{launch.per_node} processes on each node must be a multiple of vllm_tensor_parallel_size = "
            f"{together}: vLLM is colocated with so many of them"
        ]
    return []


def plans(config: Config) -> tuple[list[Plan], list[str]]:
    """Plan each stage with a user-supplied model on a GPU; a line for each model of unknown shape."""
    if config.training.get("use_cpu"):
        return [], []
    models = gpu_models(config)
    with TemporaryDirectory() as scratch:
        by_stage = {
            model.key: training_plan(model, entry, trl_options(config, entry, scratch))
            for model in models
            if isinstance(entry := model.entry, TrainedConfig)
        }
    by_stage |= {model.answering_key: answering_plan(model) for model in models}
    unknown = "shape unknown: not planned; name it under bases, as shape: {...}"
    return [plan for plan in by_stage.values() if plan is not None], [
        f"{stage}: {unknown}" for stage, plan in by_stage.items() if plan is None
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=json.loads, help="the whole config, as JSON")
    parser.add_argument(
        "--results", type=Path, help="the run's folder, whose file system must hold its models"
    )
    parser.add_argument("--site", type=Path, help="the site's file, if jobs run on Slurm")
    arguments = parser.parse_args()
    config = parse(arguments.config)
    lines = problems(config)
    asked = {} if lines else asked_gpus(config)
    site: Mapping[str, Any] = {}
    if arguments.site:
        site = yaml.safe_load(arguments.site.read_text(encoding="utf-8"))
        lines += [f"{arguments.site}: {problem}" for problem in slurm_site.all_problems(site, asked)]
    if not lines:
        planned, unknown = plans(config)
        run_plan = RunPlan.of(config, planned)
        if planned:
            shown = [*(f"gpus: {line}" for line in gpu_lines(asked)), *(f"plan: {plan}" for plan in planned)]
            print("\n".join([*shown, *run_plan.lines(site.get("gpu_hour_price"))]))
        print("".join(f"plan: {line}\n" for line in unknown), end="")
        if isinstance(gigabytes := site.get("gpu_gigabytes"), int):
            lines += [problem for plan in planned if (problem := plan.problem(gigabytes))]
        full = disk_problem(run_plan.models, arguments.results) if arguments.results else None
        warnings = [full] if full else []
        if arguments.site:  # what is not enough here is not enough for the jobs
            profile = arguments.site.with_name("config.yaml").read_text(encoding="utf-8")
            cannot, may_not = run_plan.late(slurm_site.time_limits(profile, site))
            lines, warnings = lines + cannot + warnings, may_not
        print("".join(f"warning: {line}\n" for line in warnings), end="")
    if lines:
        sys.exit("error: " + "\nerror: ".join(lines))
    print(f"config of run {config.run!r}: {len(trainings(config))} trainings, all accepted by TRL")
    if arguments.site:
        print(f"{arguments.site}: complete")


if __name__ == "__main__":
    main()

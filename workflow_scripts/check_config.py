"""Check a run before its first job: trainer options with the installed TRL, and the site's file for Slurm."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from accelerate.commands.config.config_args import load_config_from_file
from trl import GRPOConfig

from rlcs.config import parsing
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.trained_judges import GenrmGRPOConfig
from rlcs.config.training import TrainedConfig
from rlcs.errors import InputError
from rlcs.judging.preflight import endpoint_problems
from rlcs.models.embeddings import sentence_model_folder
from rlcs.planning import slurm_site
from rlcs.planning.disk_plan import disk_problem
from rlcs.planning.job_resources import asked_gpus, gpu_lines
from rlcs.planning.plugin_files import plugin_problems
from rlcs.planning.run_plan import RunPlan
from rlcs.stages.launch import Launch
from rlcs.training.grpo import assert_shaping, assert_whole_groups
from rlcs.training.planned import entry_options, plans, trainings
from rlcs.training.rollouts import rollouts_problem
from rlcs.training.tracking import tracker_problem


def problems(config: Config) -> list[str]:
    """List a line per file that is not there, and per model whose options TRL or its trainer refuses."""
    lines = missing_files(config)
    if (problem := tracker_problem(config.tracking)) is not None:
        lines.append(f"tracking: {problem}")
    with TemporaryDirectory() as scratch:
        for key, entry in trainings(config).items():
            try:
                options = entry_options(config, entry, scratch)
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


def ineffective(config: Config) -> list[str]:
    """A line for each option under the shared ``training`` that every entry overrides."""
    entries = list(trainings(config).values())
    return [
        f"training.{name}: {value} has no effect: all {len(entries)} trainings have their own. Change these, "
        "or take it out of them; defaults.judges.training and defaults.policies.training reach a registry"
        for name, value in config.training.items()
        if entries and all(name in entry.training for entry in entries)
    ]


def missing_files(config: Config) -> list[str]:
    """List a line for each file of the data, and each folder of a base, that is not there.

    A base's model is a folder if it begins as a path does; a hub's id does not.
    """
    named = {f"{key}.preferences": source.preferences or [] for key, source in config.sources.items()}
    lines = [
        f"{key}: no such file: {path}"
        for key, paths in (named | {"data.contexts": config.data.contexts}).items()
        for path in paths
        if not path.exists()
    ]
    for name, base in config.bases.items():
        if not isinstance(base, PretrainedBaseConfig):
            continue
        if base.model.startswith(("/", "./", "../", "~")) and not Path(base.model).is_dir():
            lines.append(f"bases.{name}.model: no such folder: {base.model}")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=Path, help="JSON file with the whole config")
    parser.add_argument(
        "--results", type=Path, help="the run's folder, whose file system must hold its models"
    )
    parser.add_argument("--site", type=Path, help="the site's file, if jobs run on Slurm")
    arguments = parser.parse_args()
    config = parsing.read(arguments.config)
    lines = [*plugin_problems(config), *problems(config)]
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
        refused, unasked = endpoint_problems(config)
        lines += refused
        warnings = [*ineffective(config), *unasked]
        full = disk_problem(run_plan.models, arguments.results) if arguments.results else None
        if arguments.site:  # what is not enough here is not enough for the jobs
            profile = arguments.site.with_name("config.yaml").read_text(encoding="utf-8")
            cannot, may_not = run_plan.late(slurm_site.time_limits(profile, site))
            lines += [*cannot, *([full] if full else [])]
            warnings += may_not
        elif full:
            warnings.append(full)
        print("".join(f"warning: {line}\n" for line in warnings), end="")
    if lines:
        sys.exit("error: " + "\nerror: ".join(lines))
    print(f"config of run {config.run!r}: {len(trainings(config))} trainings, all accepted by TRL")
    if arguments.site:
        print(f"{arguments.site}: complete")


if __name__ == "__main__":
    main()

"""Check a run before its first job: trainer options by the installed TRL, and the site's file for Slurm."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from trl import GRPOConfig, RewardConfig, SFTConfig

from rlcs.config.endpoints import ServingConfig
from rlcs.errors import InputError
from rlcs.planning import slurm_site
from rlcs.planning.gpu_plan import Plan, answering_plan, shape_of, training_plan
from rlcs.stages.launch import Launch
from rlcs.training.grpo import assert_whole_groups
from rlcs.training.options import build_options
from rlcs.training.rollouts import rollouts_problem

CLASSES: dict[str, Any] = {"SFTConfig": SFTConfig, "GRPOConfig": GRPOConfig, "RewardConfig": RewardConfig}


def for_this_machine(shared: dict[str, Any]) -> dict[str, Any]:
    """Shared options with ``use_cpu`` where there is no GPU: on a login node TRL would refuse bf16."""
    return shared if torch.cuda.is_available() else {"use_cpu": True, **shared}


def problems(
    shared: dict[str, Any], trainings: dict[str, dict[str, Any]], serving: ServingConfig
) -> list[str]:
    """One line per model whose options TRL refuses, or that lacks what they ask for.

    Args:
        trainings: by key in the config, the TRL class, its options and ``groups_per_unit``.
    """
    found = []
    shared = for_this_machine(shared)
    with TemporaryDirectory() as scratch:
        for key, training in trainings.items():
            try:
                options = build_options(
                    CLASSES[training["class"]], shared, training["options"], seed=0, output_dir=scratch
                )
                if isinstance(options, GRPOConfig):
                    assert_whole_groups(options, training["groups_per_unit"])
            except (InputError, ValueError) as error:
                found.append(f"{key}.training: {error}")
            else:
                found += [f"{key}.launch: {problem}" for problem in launch_problems(training, options)]
                if isinstance(options, GRPOConfig) and (problem := rollouts_problem(options, serving)):
                    found.append(f"{key}.training: {problem}")
    return found


def launch_problems(training: dict[str, Any], options: Any) -> list[str]:
    """What is wrong with the config file of a training's ``accelerate launch``, by accelerate itself."""
    if not training["launch"]:
        return []
    try:
        launch = Launch.of_file(Path(training["launch"]))
        load_config_from_file(training["launch"])
    except (OSError, TypeError, ValueError) as error:
        return [str(error)]
    together = getattr(options, "vllm_tensor_parallel_size", 1)
    if getattr(options, "use_vllm", False) and options.vllm_mode == "colocate" and launch.per_node % together:
        return [
            f"{launch.per_node} processes on each node must be a multiple of vllm_tensor_parallel_size = "
            f"{together}: vLLM is colocated with so many of them"
        ]
    return []


def plans(config: dict[str, Any], stages: dict[str, Any]) -> tuple[list[Plan], list[str]]:
    """The plan of each stage with a brought model on a GPU, and a line for each whose shape is not known."""
    if config["shared"].get("use_cpu"):
        return [], []
    made, unknown = [], []
    shared = for_this_machine(config["shared"])
    with TemporaryDirectory() as scratch:
        for stage in (*stages["trainings"], *stages["answering"]):
            shapes = [
                shape_of(base)
                for base in (stage["base"], *(judge["base"] for judge in stage.get("judges", [])))
            ]
            known = [shape for shape in shapes if shape is not None]
            if len(known) < len(shapes):
                unknown.append(
                    f"{stage['key']}: shape unknown: not planned; name it under bases, as shape: {{...}}"
                )
            elif stage["key"] not in config["trainings"]:
                made.append(answering_plan(stage, known[0]))
            else:
                training = config["trainings"][stage["key"]]
                options = build_options(
                    CLASSES[training["class"]], shared, training["options"], seed=0, output_dir=scratch
                )
                said = {**stage, "class": training["class"]}
                made.append(training_plan(said, options, known[0], known[1:]))
    return made, unknown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=json.loads)
    parser.add_argument("--plan", required=True, type=json.loads, help="what plan_sections.plan says")
    parser.add_argument("--site", type=Path, help="the site's file, where jobs go to Slurm")
    arguments = parser.parse_args()
    config = arguments.config
    found = problems(config["shared"], config["trainings"], ServingConfig.model_validate(config["serving"]))
    gigabytes = None
    if arguments.site:
        filled_in = yaml.safe_load(arguments.site.read_text(encoding="utf-8"))
        found += [f"{arguments.site}: {problem}" for problem in slurm_site.all_problems(filled_in)]
        gigabytes = filled_in.get("gpu_gigabytes")
    if not found:
        made, unknown = plans(config, arguments.plan)
        print("\n".join(f"plan: {line}" for line in [*map(str, made), *unknown]), end="\n" if made else "")
        if isinstance(gigabytes, int):
            found += [problem for plan in made if (problem := plan.problem(gigabytes))]
    if found:
        sys.exit("error: " + "\nerror: ".join(found))
    print(f"config of run {config['run']!r}: {len(config['trainings'])} trainings, all accepted by TRL")
    if arguments.site:
        print(f"{arguments.site}: complete")


if __name__ == "__main__":
    main()

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
from trl import GRPOConfig, RewardConfig, SFTConfig

from rlcs import site
from rlcs.grpo import assert_whole_groups
from rlcs.stage import InputError
from rlcs.training import build_options

CLASSES: dict[str, Any] = {"SFTConfig": SFTConfig, "GRPOConfig": GRPOConfig, "RewardConfig": RewardConfig}


def problems(shared: dict[str, Any], trainings: dict[str, dict[str, Any]]) -> list[str]:
    """One line per model whose options TRL refuses.

    Args:
        trainings: by key in the config, the TRL class, its options and ``groups_per_unit``.
    """
    found = []
    if not torch.cuda.is_available():  # a cluster's login node, where TRL would refuse bf16
        shared = {"use_cpu": True, **shared}
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
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=json.loads)
    parser.add_argument("--site", type=Path, help="the site's file, where jobs go to Slurm")
    arguments = parser.parse_args()
    config = arguments.config
    found = problems(config["shared"], config["trainings"])
    if arguments.site:
        filled_in = yaml.safe_load(arguments.site.read_text(encoding="utf-8"))
        found += [f"{arguments.site}: {problem}" for problem in site.all_problems(filled_in)]
    if found:
        sys.exit("error: " + "\nerror: ".join(found))
    print(f"config of run {config['run']!r}: {len(config['trainings'])} trainings, all accepted by TRL")
    if arguments.site:
        print(f"{arguments.site}: complete")


if __name__ == "__main__":
    main()

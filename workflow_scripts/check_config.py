"""Check a run's trainer options against the installed TRL: values and combinations, without any data."""

from __future__ import annotations

import argparse
import json
import sys
from tempfile import TemporaryDirectory
from typing import Any

from trl import GRPOConfig, RewardConfig, SFTConfig

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
    config = parser.parse_args().config
    if found := problems(config["shared"], config["trainings"]):
        sys.exit("error: " + "\nerror: ".join(found))
    print(f"config of run {config['run']!r}: {len(config['trainings'])} trainings, all accepted by TRL")


if __name__ == "__main__":
    main()

"""TRL options and plans of a run's trainings before its first job."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any

import torch
from trl import DPOConfig, GRPOConfig, RewardConfig, SFTConfig

from rlcs.config.policies import DPOPolicyConfig, GRPOPolicyConfig, SFTPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.trained_judges import GenrmGRPOConfig, GenrmSFTConfig, GenrmVerdictsConfig, ScalarJudgeConfig
from rlcs.config.training import TrainedConfig
from rlcs.config.world import WorldBaseConfig
from rlcs.planning.gpu_plan import Plan, answering_plan, gpu_models, training_plan
from rlcs.training.options import build_options

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


def entry_options(config: Config, entry: TrainingEntry, scratch: str) -> Any:
    """An entry's options, with ``use_cpu`` if there is no GPU: on a login node TRL would refuse bf16.

    Raises:
        InputError, ValueError: TRL refuses them.
    """
    shared = config.training if torch.cuda.is_available() else {**config.training, "use_cpu": True}
    return build_options(CLASSES[type(entry)], shared, entry.training, seed=0, output_dir=scratch)


def plans(config: Config) -> tuple[list[Plan], list[str]]:
    """Plan each stage with a user-supplied model on a GPU; a line for each model of unknown shape."""
    if config.training.get("use_cpu"):
        return [], []
    models = gpu_models(config)
    with TemporaryDirectory() as scratch:
        by_stage = {
            model.key: training_plan(model, entry, entry_options(config, entry, scratch))
            for model in models
            if isinstance(entry := model.entry, TrainedConfig)
        }
    by_stage |= {model.answering_key: answering_plan(model) for model in models}
    unknown = "shape unknown: not planned; name it under bases, as shape: {...}"
    return [plan for plan in by_stage.values() if plan is not None], [
        f"{stage}: {unknown}" for stage, plan in by_stage.items() if plan is None
    ]

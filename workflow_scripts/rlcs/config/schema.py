"""The typed configuration of a run: unknown keys are errors, and names must be those of entries.

JSON schema, documented default and key tables are generated from here (``document_config.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from rlcs.config.bases import BaseConfig
from rlcs.config.benchmarks import BenchmarkConfig
from rlcs.config.data import ConsensusConfig, DataConfig
from rlcs.config.endpoints import ServingConfig
from rlcs.config.gate import GateConfig
from rlcs.config.judges import JudgeConfig, knows_world_alone
from rlcs.config.judging import JudgingConfig, VerifierConfig
from rlcs.config.policies import PolicyConfig
from rlcs.config.section import File, ModelConfig, Name, Section, Seeds, SharedOptions
from rlcs.config.sharing import SharingConfig
from rlcs.config.sources import SourceConfig
from rlcs.config.sweeps import SweepConfig
from rlcs.config.tables import EffectConfig, GalleryConfig, HumanConfig, TablesConfig
from rlcs.config.world import WorldConfig
from rlcs.config.writing import SamplingConfig, WritingConfig
from rlcs.stages.tracking import Tracker


class DefaultsConfig(Section):
    """Keys of trained entries that do not name them; options under `training` one by one."""

    judges: dict[str, Any] = Field(
        default_factory=dict,
        description="Keys of trained judges.",
        examples=[{"dtype": "bfloat16", "training": {"save_steps": 50}}],
    )
    policies: dict[str, Any] = Field(default_factory=dict, description="Keys of trained policies.")


class Config(Section):
    """A run: its data, its models by name, and the tables that compare them."""

    model_config = ConfigDict(json_schema_extra={"patternProperties": {"^x-": {}}})

    run: Name = Field(description="Name of the run; results go to results/{run}.", examples=["my-run"])
    rehearses: File | None = Field(
        None,
        description="JSON file with the config of the run that this one rehearses: on Slurm its jobs ask for "
        "that run's GPUs, for minutes. `snakemake rehearse` writes it. Empty: none.",
    )
    tracking: Tracker = Field(
        "tensorboard",
        description="Tracker that trainings report to while they run: tensorboard (files in "
        "results/{run}/tracking), wandb, trackio, mlflow or none. A change makes nothing run again.",
    )
    seeds: Seeds = Field([0], min_length=1, description="Seeds; every training runs once with each.")
    data: DataConfig = Field(default_factory=DataConfig, description="Source of the preferences.")
    benchmarks: dict[Name, BenchmarkConfig] = Field(
        default_factory=dict,
        description="Held-out sources of pairs that judges are measured on, by name. Empty: none.",
    )
    world: WorldConfig = Field(
        default_factory=WorldConfig, description="Size and noise of the synthetic tiny world."
    )
    judging: JudgingConfig = Field(description="Prompt, scores and engine of generative judges.")
    serving: ServingConfig = Field(
        default_factory=ServingConfig, description="Servers of vLLM for judges and for rollouts of trainings."
    )
    writing: WritingConfig = Field(description="Prompt of policies.")
    training: SharedOptions = Field(
        default_factory=dict,
        description="Options of transformers' TrainingArguments for all trainings; an entry's own "
        "options win.",
    )
    sampling: SamplingConfig = Field(
        default_factory=SamplingConfig, description="Sampling of the stories for the win rates."
    )
    defaults: DefaultsConfig = Field(
        default_factory=DefaultsConfig,
        description="Keys that all trained entries of a registry have unless they name them: "
        "{judges, policies}. A second file can change them.",
    )
    bases: dict[Name, BaseConfig] = Field(
        default_factory=dict,
        description="Models that training starts from, by name. Empty: judges by rule, by endpoint or of the "
        "tiny world alone.",
    )
    judges: dict[Name, JudgeConfig] = Field(min_length=1, description="Judges by name.")
    consensus: dict[Name, ConsensusConfig] = Field(
        default_factory=dict, description="Sources of labels by agreement of teachers, by name."
    )
    max_cost: float | None = Field(
        None,
        gt=0,
        description="Largest cost of all answers of all endpoints of the run together, at their prices, as "
        "max_cost of an entry. Empty: no limit.",
        examples=[100.0],
    )
    verifiers: dict[Name, VerifierConfig] = Field(
        default_factory=dict, description="Models that check constraints which no rule can check, by name."
    )
    gate: GateConfig | None = Field(
        None,
        description="Limits of the judges that reward policies: {pairs, min_accuracy, max_flip_rate, "
        "max_unparsed_share}. A judge that breaks one stops the run before a policy is trained on it. Empty: "
        "none.",
    )
    policies: dict[Name, PolicyConfig] = Field(
        default_factory=dict, description="Policies by name. Empty: a run of judges alone."
    )
    tables: TablesConfig = Field(description="Models that the tables compare.")
    gallery: GalleryConfig = Field(
        default_factory=GalleryConfig, description="Page with stories side by side."
    )
    sharing: SharingConfig = Field(
        default_factory=SharingConfig,
        description="Licenses of exported models, and what pages and cards leave out of people.",
    )
    human: HumanConfig | None = Field(
        None,
        description="Blind sheet for people, and their win rates: {pairs, seed, annotations}. Empty: none.",
    )
    effects: list[EffectConfig] = Field(
        default_factory=list, description="Claims as data; each is a row of the effects table."
    )
    sweeps: dict[Name, SweepConfig] = Field(
        default_factory=dict,
        description="Figures of a table's column over a key of the entries, by name: {title, metric, x, "
        "series, log_x, x_label, lines}.",
    )
    paper: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="Figures of the papers in per cent, {table: {row: figure}}; tables show them "
        "beside the run's.",
    )

    @property
    def synthetic(self) -> bool:
        """True if the preferences are those of the tiny world."""
        return not self.data.user_supplied

    @property
    def sources(self) -> dict[str, SourceConfig]:
        """The data and all benchmarks, by their keys."""
        return {"data": self.data} | {f"benchmarks.{name}": entry for name, entry in self.benchmarks.items()}

    @property
    def benchmark_judges(self) -> list[str]:
        """The judges that are measured on benchmarks; none without benchmarks.

        They are those of the alignment table unless ``tables.benchmarks`` names others. The tiny world's own
        judges know its stories alone.
        """
        if not self.benchmarks:
            return []
        if self.tables.benchmarks is not None:
            return list(self.tables.benchmarks.rows)
        rows = [row for row in self.tables.alignment.rows if row in self.judges]
        return [row for row in rows if not knows_world_alone(self.judges[row])]

    def models(self, registry: str) -> Mapping[str, ModelConfig]:
        """The entries of a registry, judges or policies."""
        registries: dict[str, Mapping[str, ModelConfig]] = {"judges": self.judges, "policies": self.policies}
        return registries[registry]

"""The typed configuration of a run: unknown keys are errors, and names must be those of entries.

JSON schema, documented default and key tables are generated from here (``document_config.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict, Field

from rlcs.config.bases import BaseConfig
from rlcs.config.data import DataConfig
from rlcs.config.endpoints import ServingConfig
from rlcs.config.judges import ConsensusConfig, JudgeConfig
from rlcs.config.judging import JudgingConfig, VerifierConfig
from rlcs.config.policies import PolicyConfig
from rlcs.config.section import ModelConfig, Name, Section, Seeds, SharedOptions
from rlcs.config.tables import EffectConfig, GalleryConfig, HumanConfig, TablesConfig
from rlcs.config.world import WorldConfig
from rlcs.config.writing import SamplingConfig, WritingConfig


class Config(Section):
    """A run: its data, its models by name, and the tables that compare them."""

    model_config = ConfigDict(json_schema_extra={"patternProperties": {"^x-": {}}})

    run: Name = Field(description="Results go to results/{run}.", examples=["my-run"])
    seeds: Seeds = Field([0], min_length=1, description="Every training is repeated with each seed.")
    data: DataConfig = Field(default_factory=DataConfig, description="Where preferences come from.")
    world: WorldConfig = Field(
        default_factory=WorldConfig, description="Size and noise of the synthetic tiny world."
    )
    judging: JudgingConfig = Field(description="What generative judges are asked.")
    serving: ServingConfig = Field(
        default_factory=ServingConfig, description="How vLLM serves judges, and the rollouts of trainings."
    )
    writing: WritingConfig = Field(description="What policies are asked for.")
    training: SharedOptions = Field(
        default_factory=dict,
        description="Options of transformers' TrainingArguments that all trainings share; their own win.",
    )
    sampling: SamplingConfig = Field(
        default_factory=SamplingConfig, description="How stories are drawn for win rates."
    )
    bases: dict[Name, BaseConfig] = Field(
        min_length=1, description="Models that training starts from, by name."
    )
    judges: dict[Name, JudgeConfig] = Field(min_length=1, description="Judges by name.")
    consensus: dict[Name, ConsensusConfig] = Field(
        default_factory=dict, description="Labels by agreement of teachers, by name: sources of pairs."
    )
    verifiers: dict[Name, VerifierConfig] = Field(
        default_factory=dict, description="Models that verify constraints which no rule can check, by name."
    )
    policies: dict[Name, PolicyConfig] = Field(min_length=1, description="Policies by name.")
    tables: TablesConfig = Field(description="Which models the tables compare.")
    gallery: GalleryConfig = Field(
        default_factory=GalleryConfig, description="Stories side by side, on a page."
    )
    human: HumanConfig | None = Field(
        None,
        description="A blind sheet for people, and their win rates: {pairs, seed, annotations}. Empty: none.",
    )
    effects: list[EffectConfig] = Field(
        default_factory=list, description="Claims as data; each is a row of the effects table."
    )
    paper: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="The papers' figures in per cent: {table: {row: figure}}; printed beside ours.",
    )

    @property
    def synthetic(self) -> bool:
        """Whether the preferences are those of the tiny world."""
        return not self.data.user_supplied

    def models(self, registry: str) -> Mapping[str, ModelConfig]:
        """The entries of a registry, judges or policies."""
        registries: dict[str, Mapping[str, ModelConfig]] = {"judges": self.judges, "policies": self.policies}
        return registries[registry]

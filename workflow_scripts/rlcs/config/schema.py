"""The typed configuration of a run: unknown keys are errors, and names must be those of entries.

JSON schema, documented default and key tables are generated from here (``document_config.py``).
"""

from __future__ import annotations

from pydantic import Field

from rlcs.config.bases import Base
from rlcs.config.data import Data
from rlcs.config.endpoints import Serving
from rlcs.config.judges import Consensus, Judge
from rlcs.config.judging import Judging, Verifier
from rlcs.config.policies import Policy
from rlcs.config.section import Name, Section, Seeds, SharedOptions
from rlcs.config.tables import Effect, Gallery, Human, Tables
from rlcs.config.world import World
from rlcs.config.writing import Sampling, Writing


class Config(Section):
    """A run: its data, its models by name, and the tables that compare them."""

    run: Name = Field(description="Results go to results/{run}.", examples=["my-run"])
    seeds: Seeds = Field([0], min_length=1, description="Every training is repeated with each seed.")
    data: Data = Field(default_factory=Data, description="Where preferences come from.")
    world: World = Field(default_factory=World, description="Size and noise of the synthetic tiny world.")
    judging: Judging = Field(description="What generative judges are asked.")
    serving: Serving = Field(
        default_factory=Serving, description="How vLLM serves judges, and the rollouts of trainings."
    )
    writing: Writing = Field(description="What policies are asked for.")
    training: SharedOptions = Field(
        default_factory=dict,
        description="Options of transformers' TrainingArguments that all trainings share; their own win.",
    )
    sampling: Sampling = Field(default_factory=Sampling, description="How stories are drawn for win rates.")
    bases: dict[Name, Base] = Field(min_length=1, description="Models that training starts from, by name.")
    judges: dict[Name, Judge] = Field(min_length=1, description="Judges by name.")
    consensus: dict[Name, Consensus] = Field(
        default_factory=dict, description="Labels by agreement of teachers, by name: sources of pairs."
    )
    verifiers: dict[Name, Verifier] = Field(
        default_factory=dict, description="Models that verify constraints which no rule can check, by name."
    )
    policies: dict[Name, Policy] = Field(min_length=1, description="Policies by name.")
    tables: Tables = Field(description="Which models the tables compare.")
    gallery: Gallery = Field(default_factory=Gallery, description="Stories side by side, on a page.")
    human: Human | None = Field(
        None,
        description="A blind sheet for people, and their win rates: {pairs, seed, annotations}. Empty: none.",
    )
    effects: list[Effect] = Field(
        default_factory=list, description="Claims as data; each is a row of the effects table."
    )
    paper: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="The papers' figures in per cent: {table: {row: figure}}; printed beside ours.",
    )

    @property
    def synthetic(self) -> bool:
        """Whether the preferences are those of the tiny world."""
        return not self.data.is_brought

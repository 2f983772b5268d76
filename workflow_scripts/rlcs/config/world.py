"""The config of the tiny world and of the small models that are pre-trained on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlcs.config.section import Section, SFTOptions


class WorldConfig(Section):
    """The synthetic tiny world: its size and its noise."""

    seed: int = Field(0, description="Seed of contexts, stories and labels.")
    train_pairs: int = Field(2000, ge=1, description="Labelled pairs on training contexts.")
    validation_pairs: int = Field(300, ge=1, description="Labelled pairs on validation contexts.")
    test_pairs: int = Field(1200, ge=1, description="Labelled pairs on held-out contexts.")
    unlabelled_pairs: int = Field(0, ge=0, description="Pairs without a label, on further training contexts.")
    annotators: int = Field(1, ge=1, le=4, description="Simulated annotators who label each pair.")
    pairs_per_context: int = Field(2, ge=1, description="Pairs of stories per context.")
    label_noise: float = Field(
        1.0,
        gt=0,
        description="Temperature of the annotators' Bradley-Terry choice; larger values give noisier labels.",
    )


class WorldBaseConfig(Section):
    """A small model that the run pre-trains on the tiny world's texts."""

    kind: Literal["world"] = Field(description="Kind of base: a model of the tiny world.")
    hidden_size: int = Field(96, ge=8, description="Width of the hidden states.")
    layers: int = Field(4, ge=1, description="Number of layers.")
    heads: int = Field(4, ge=1, description="Number of attention heads.")
    intermediate_size: int = Field(256, ge=8, description="Width of the MLP.")
    initializer_range: float = Field(0.06, gt=0, description="Standard deviation of the initial weights.")
    seed: int = Field(0, description="Seed of the initial weights and the pre-training texts.")
    single_examples: int = Field(
        24000, ge=1, description="Number of pre-training texts about single stories."
    )
    pair_examples: int = Field(
        6000, ge=0, description="Number of pre-training texts about pairs, with random scores."
    )
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")

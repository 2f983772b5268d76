"""Sections of a GenRM's GRPO."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlcs.config.section import Name, Section
from rlcs.records import ORDERS


class EvidenceConfig(Section):
    """A reward for evidence that the analysis shares with a teacher's chain."""

    teacher: Name = Field(
        description="Generative judge whose kept chains are compared with the analyses.",
        examples=["teacher-world"],
    )
    weight: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Weight of the share of evidence in common, beside the reward of the verdict. Below 1 no "
        "evidence makes up for a wrong verdict.",
    )


class GenrmRewardConfig(Section):
    """Rewards of a GenRM's rollouts, and the rollouts that each is compared with."""

    reward: Literal["verdict", "consistent", "likelihood"] = Field(
        "verdict",
        description="Reward of an answer. verdict: 1 if its verdict is the label, else 0; with reads: story, "
        "1 if the preferred story's score is above its rival's. consistent: 1 if the verdicts in both "
        "orders are. likelihood: the probability of the label under its score tokens; "
        "it costs one more forward pass and needs analyses that differ: temperature near 1 without min_p.",
    )
    evidence: EvidenceConfig | None = Field(
        None,
        description="Further reward for the share of a teacher's evidence that the analysis states: "
        "{teacher, weight}. Only pairs whose chain the filter keeps have it. Empty: none.",
    )
    baseline: Literal["group", "pair"] = Field(
        "group",
        description="Completions whose mean reward is the baseline. group: those of one order of a pair. "
        "pair: those of both orders.",
    )
    resample: int = Field(
        0,
        ge=0,
        description="Largest number of further rollout rounds per step. Each round replaces pairs without "
        "variance in their rewards (within each group, or over the pair, as the baseline is) by fresh pairs.",
    )

    @property
    def teacher(self) -> str | None:
        """The judge whose chains check the evidence."""
        return self.evidence.teacher if self.evidence else None

    @property
    def chains(self) -> Literal["filtered"]:
        """The chains that check the evidence."""
        return "filtered"

    @property
    def groups_per_unit(self) -> int:
        """The number of prompts that stay together: 2 if an option compares the two orders of a pair."""
        compares = self.reward == "consistent" or self.baseline == "pair" or self.resample
        return len(ORDERS) if compares else 1

    @property
    def baseline_groups(self) -> int:
        """The number of groups that share a baseline."""
        return len(ORDERS) if self.baseline == "pair" else 1


class HeadroomConfig(Section):
    """The best of a group against the greedy answer, measured before training."""

    pairs: int = Field(
        50,
        ge=1,
        description="Largest number of validation pairs. Each costs 2 x (num_generations + 1) answers.",
    )


class KeepBetterConfig(Section):
    """The choice between the trained model and its parent."""

    pairs: int = Field(
        500, ge=1, description="Largest number of validation pairs. Each costs two answers of both models."
    )

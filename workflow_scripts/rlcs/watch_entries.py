"""What is watched and kept while a policy is trained, and which of its checkpoints goes on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlcs.options import Name, Section


class Select(Section):
    """The best checkpoint by an independent judge: wins over the training's start, on validation contexts."""

    judge: Name = Field(description="A judge other than the training reward.", examples=["bt"])
    every: int = Field(10, ge=1, description="Steps between two comparisons.")
    contexts: int = Field(100, ge=1, description="Validation contexts, a story each.")


class Snapshots(Section):
    """Stories that the policy writes while it is trained, for the gallery; nothing is learned from them."""

    every: int = Field(
        10, ge=1, description="Steps between two of them; the start and the end are there too."
    )
    contexts: int = Field(8, ge=1, description="The first held-out contexts, a story each.")


class Watch(Section):
    """Signs of collapse in a training's own log; each limit is what a sign may reach before it is flagged."""

    action: Literal["warn", "stop", "ignore"] = Field(
        "warn",
        description="At a flag: say it, or end the training as well (what select found best goes on); or "
        "do not look.",
    )
    window: int = Field(
        10, ge=1, description="Logged steps that are averaged; the first of them are the baseline."
    )
    variance_spike: float = Field(
        3.0, gt=0, description="Standard deviation of the reward over the median of the window before."
    )
    length_drift: float = Field(0.5, gt=0, description="Mean length against the baseline, as a share of it.")
    entropy_crash: float = Field(0.7, gt=0, description="Share of the baseline's entropy that is lost.")
    kl: float = Field(1.0, gt=0, description="KL to the reference model per token; logged where beta > 0.")
    repetition: float = Field(0.15, gt=0, description="Rise of the share of repeated 4-grams in a story.")
    diversity: float = Field(0.5, gt=0, description="Share of the baseline's distinct-2 that is lost.")
    cut_off: float = Field(0.25, gt=0, description="Rise of the share of stories that are cut off.")
    inconsistency: float = Field(
        0.25, gt=0, description="Rise of the share of comparisons whose orders disagree."
    )
    hacking: float = Field(
        0.1,
        gt=0,
        description="Fall of the win rate by select's judge from its best, unseen by the reward's judge.",
    )

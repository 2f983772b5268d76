"""The share of a training's update that its published weights have lost, by rounding to their precision."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

LOST_UPDATE = "lost_update.json"
"""Name of the file beside the weights, so that it goes where they go."""

LOST_LIMIT = 0.1
"""Largest share that is not flagged. Design choice."""


@dataclass(frozen=True)
class LostUpdate:
    """The norm of what rounding took from the weights, as a share of the norm of what training changed.

    Attributes:
        dtype: precision of the published weights.
        share: in this precision; None if training changed nothing.
        share_in_bfloat16: what ``dtype: bfloat16`` would lose.
    """

    dtype: str
    share: float | None
    share_in_bfloat16: float | None

    @property
    def is_flagged(self) -> bool:
        return self.share is None or self.share > LOST_LIMIT

    def __str__(self) -> str:
        if self.share is None or self.share_in_bfloat16 is None:
            return "the training changed no weight"
        inside = "" if self.dtype == "bfloat16" else f" (bfloat16 would lose {self.share_in_bfloat16:.1%})"
        return f"published in {self.dtype}, weights lose {self.share:.1%} of the training's update{inside}"

    @classmethod
    def read(cls, artifact: Path) -> LostUpdate | None:
        """The loss of an artifact's ``model``; None if it was not trained from another model."""
        file = artifact / "model" / LOST_UPDATE
        return cls(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None

    def write(self, model: Path) -> None:
        """Write it into the folder of the weights."""
        text = json.dumps(asdict(self), indent=2)
        (model / LOST_UPDATE).write_text(f"{text}\n", encoding="utf-8")

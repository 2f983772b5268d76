"""The choice of a training: it publishes the trained model, or the one it started from if that is better."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

PARENT_AND_CHILD = "parent_and_child.json"


@dataclass(frozen=True)
class ParentAndChild:
    """Mean scores of a parent and of the child that was trained from it, over the same ``n`` items.

    Attributes:
        measure: name of the score; more is better.
        parent, child: None without items.
    """

    measure: str
    n: int
    parent: float | None
    child: float | None

    @property
    def published(self) -> Literal["parent", "child"]:
        """The one with the larger mean; the child if they are equal or not known."""
        return "child" if self.parent is None or self.child is None or self.child >= self.parent else "parent"

    def __str__(self) -> str:
        if self.parent is None or self.child is None:
            return "no validation pairs: the trained model is published, whatever its parent is worth"
        return (
            f"{self.measure} on {self.n} validation pairs: parent {self.parent:.4f}, child {self.child:.4f}; "
            f"the {self.published} is published"
        )

    @classmethod
    def read(cls, artifact: Path) -> ParentAndChild | None:
        """The comparison that an artifact holds; None if its training made none."""
        file = artifact / PARENT_AND_CHILD
        if not file.exists():
            return None
        made = json.loads(file.read_text(encoding="utf-8"))
        return cls(made["measure"], made["n"], made["parent"], made["child"])

    def write(self, artifact: Path) -> None:
        """Write the comparison into an artifact."""
        made = {**asdict(self), "published": self.published}
        (artifact / PARENT_AND_CHILD).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")

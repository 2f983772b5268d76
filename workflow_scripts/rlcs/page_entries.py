"""Pages that people read and mark: part of the config."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from rlcs.options import Section


class Gallery(Section):
    """The page that shows the policies' stories side by side."""

    contexts: int = Field(50, ge=1, description="Held-out contexts on the page, the first of the data.")


class Human(Section):
    """People compare stories of the policies without knowing who wrote which."""

    pairs: int = Field(60, ge=1, description="Pairs on the blind sheet, as many of each policy.")
    seed: int = Field(0, description="Of the pairs that are drawn, their order and their sides.")
    annotations: list[Path] = Field(
        default_factory=list,
        description="JSON lines that the sheet, or import_label_studio.py, has written. Empty: no table.",
        examples=[["annotations-ann.jsonl"]],
    )

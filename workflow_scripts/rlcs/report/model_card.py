"""The model card of a trained judge or policy: use, data, recipe, results, limits, provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from rlcs.data.parent_and_child import ParentAndChild
from rlcs.report.formatting import to_markdown
from rlcs.report.html import load_template
from rlcs.report.provenance import ArtifactRecord, format_duration

CARD_TEMPLATE = "card.md.j2"
CardKind = Literal["generative", "scalar", "policy"]


@dataclass(frozen=True)
class Card:
    """The values of a card.

    Args:
        recipe: config entries by name, from the base to the model itself.
        prompt: template of the prompts.
        pairs: number of pairs by split.
        tables: frames by title, with the rows of this model.
        flags: a sentence per flag of the watch.
        compared: the comparison of parent and child, if the training makes one.
        lineage: the model's artifact and all artifacts that it was made from.
    """

    run: str
    name: str
    kind: CardKind
    seed: int
    synthetic: bool
    recipe: Mapping[str, Mapping[str, Any]]
    training: Mapping[str, Any]
    prompt: str
    rubrics: Mapping[str, str]
    scores: str
    pairs: Mapping[str, int]
    contexts: int
    quarantined: int
    tables: Mapping[str, pd.DataFrame]
    flags: Sequence[str]
    compared: ParentAndChild | None
    lineage: Sequence[ArtifactRecord]
    packages: Mapping[str, str]
    manifest: str

    @property
    def base(self) -> str | None:
        """Name of the base on its hub, for the card's header; None if it is a folder or was made here."""
        model = next(iter(self.recipe.values())).get("model")
        return model if model is not None and not Path(model).is_dir() else None

    @property
    def time(self) -> str:
        return format_duration(sum(artifact.seconds for artifact in self.lineage))

    @property
    def gpu_hours(self) -> float:
        return sum(artifact.gpu_hours for artifact in self.lineage)

    @property
    def commits(self) -> list[str]:
        return sorted({artifact.commit for artifact in self.lineage if artifact.commit})


def select_rows(frame: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """Select a model's rows of a table, without the columns that are empty for it."""
    return frame[frame[column] == name].dropna(axis="columns", how="all")


def render_card(card: Card) -> str:
    """Render the card as Markdown with the header that model hubs read."""
    template = load_template(CARD_TEMPLATE, autoescape=False)  # from config and numbers; it has no story
    tables = {title: to_markdown(frame, "").strip() for title, frame in card.tables.items()}
    recipe = {name: to_yaml(entry) for name, entry in card.recipe.items()}
    return template.render(card=card, tables=tables, recipe=recipe, training=to_yaml(card.training))


def to_yaml(values: Mapping[str, Any]) -> str:
    """Convert values to YAML as in a config, without empty values."""
    filled = {key: value for key, value in values.items() if value not in (None, {}, [])}
    return yaml.safe_dump(filled, sort_keys=False, allow_unicode=True).strip()

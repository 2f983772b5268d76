"""The model card of a trained judge or policy: what it is, how to open it, data, recipe, figures, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jinja2
import pandas as pd
import yaml

from rlcs.report.formatting import to_markdown
from rlcs.report.provenance import Made, duration

TEMPLATE = "card.md.j2"
Kind = Literal["generative", "scalar", "policy"]


@dataclass(frozen=True)
class Card:
    """What a card is filled with.

    Args:
        recipe: entries of the config by name, the base first, the model itself last.
        prompt: the template that its prompts are made from.
        pairs: number of pairs by split.
        tables: frames by title, of this model's rows.
        flags: sentences on what the watch flagged.
        lineage: the artifacts that the model was made of, itself among them.
    """

    run: str
    name: str
    kind: Kind
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
    lineage: Sequence[Made]
    packages: Mapping[str, str]
    manifest: str

    @property
    def base(self) -> str | None:
        """A hub's name of the base, for the card's header; None for a base that the run made or a folder."""
        model = next(iter(self.recipe.values())).get("model")
        return model if model is not None and not Path(model).is_dir() else None

    @property
    def time(self) -> str:
        return duration(sum(made.seconds for made in self.lineage))

    @property
    def gpu_hours(self) -> float:
        return sum(made.gpu_hours for made in self.lineage)

    @property
    def commits(self) -> list[str]:
        return sorted({made.commit for made in self.lineage if made.commit})


def rows_of(frame: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """A model's rows of a table, without the columns that say nothing of it."""
    return frame[frame[column] == name].dropna(axis="columns", how="all")


def render_card(card: Card, templates: Path) -> str:
    """The card as Markdown with the header that model hubs read."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=False,  # Markdown of our own config and numbers; no story stands in it
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tables = {title: to_markdown(frame, "").strip() for title, frame in card.tables.items()}
    recipe = {name: as_yaml(entry) for name, entry in card.recipe.items()}
    return environment.get_template(TEMPLATE).render(
        card=card, tables=tables, recipe=recipe, training=as_yaml(card.training)
    )


def as_yaml(values: Mapping[str, Any]) -> str:
    """As one would write it in a config, without what is empty."""
    said = {key: value for key, value in values.items() if value not in (None, {}, [])}
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True).strip()

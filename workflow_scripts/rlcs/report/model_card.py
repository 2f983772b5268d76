"""The model card of a trained judge or policy: use, data, recipe, results, limits, provenance."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import yaml
from huggingface_hub import EvalResult, ModelCardData

from rlcs.data.parent_and_child import ParentAndChild
from rlcs.evaluation.statistics import Estimate
from rlcs.report.columns import get_column
from rlcs.report.formatting import to_markdown
from rlcs.report.html import load_template
from rlcs.report.progress import format_duration
from rlcs.report.provenance import ArtifactRecord

CARD_TEMPLATE = "card.md.j2"
CardKind = Literal["generative", "scalar", "policy"]


@dataclass(frozen=True)
class Card:
    """The values of a card.

    Args:
        recipe: config entries by name, from the base to the model itself.
        prompt: template of the prompts.
        pairs: number of pairs by split.
        base_model: id of the base on its hub; None if it has none.
        license: keys of the header that state a license; empty if none is known.
        datasets: ids of the data sets on a hub that it learns from.
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
    base_model: str | None
    license: Mapping[str, str]
    datasets: Sequence[str]
    tables: Mapping[str, pd.DataFrame]
    flags: Sequence[str]
    compared: ParentAndChild | None
    lineage: Sequence[ArtifactRecord]
    packages: Mapping[str, str]
    manifest: str

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
    metadata = card_metadata(card).to_yaml()
    return template.render(
        card=card, metadata=metadata, tables=tables, recipe=recipe, training=to_yaml(card.training)
    )


def card_metadata(card: Card) -> ModelCardData:
    """Make the header that model hubs read; what is not known is left out."""
    results = eval_results(card)
    return ModelCardData(
        base_model=card.base_model,
        license=card.license.get("license"),
        license_name=card.license.get("license_name"),
        license_link=card.license.get("license_link"),
        datasets=list(card.datasets) or None,
        library_name="transformers",
        pipeline_tag=_TASKS[card.kind],
        tags=["rlcs", "trl", _TAGS[card.kind]],
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=f"{card.name} ({card.run}, seed {card.seed})",
        eval_results=results or None,
    )


_TASKS = {"generative": "text-generation", "scalar": "text-classification", "policy": "text-generation"}
_TAGS = {"generative": "generative-reward-model", "scalar": "reward-model", "policy": "story-generation"}
# Columns of the tables that a hub shows, by their name there.
_METRICS = {
    "accuracy": "accuracy",
    "accuracy_both_orders": "accuracy",
    "flip_rate": "flip_rate",
    "win_rate": "win_rate",
    "prompt_strict": "prompt_level_strict_acc",
}


def eval_results(card: Card) -> list[EvalResult]:
    """List the results of the card's tables in the form of a hub's model-index, as shares with intervals."""
    data = "the synthetic tiny world" if card.synthetic else next(iter(card.datasets), card.run)
    return [
        EvalResult(
            task_type=_TASKS[card.kind],
            dataset_type=next(iter(card.datasets), "preferences"),
            dataset_name=f"held-out contexts of {data}",
            dataset_split="test",
            metric_type=metric,
            metric_name=_metric_name(column, row),
            metric_value=round(value.value, 4),
            metric_args=_interval(value),
        )
        for frame in card.tables.values()
        for row in frame.to_dict("records")
        for column, metric in _METRICS.items()
        if isinstance(value := row.get(column), Estimate) and not pd.isna(value.value)
    ]


def _metric_name(column: str, row: Mapping[Hashable, Any]) -> str:
    words = [get_column(column).title.removesuffix(" %")]
    words += [f"against {row['reference']}"] if column == "win_rate" and row.get("reference") else []
    words += [f"judged by {row['judge']}"] if column == "win_rate" and row.get("judge") else []
    return ", ".join(words)


def _interval(value: Estimate) -> dict[str, float | int]:
    """The number of items, and the interval if there is one."""
    if pd.isna(value.low):
        return {"n": value.n}
    return {"n": value.n, "low_95": round(value.low, 4), "high_95": round(value.high, 4)}


def to_yaml(values: Mapping[str, Any]) -> str:
    """Convert values to YAML as in a config, without empty values."""
    filled = {key: value for key, value in values.items() if value not in (None, {}, [])}
    return yaml.safe_dump(filled, sort_keys=False, allow_unicode=True).strip()

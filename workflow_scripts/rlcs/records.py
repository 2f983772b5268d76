"""The data types of the workflow and their Parquet schemas, declared once.

Readers, writers and tests use the schemas below; nothing else states a column.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

Split = Literal["train", "validation", "test"]
Order = Literal["ab", "ba"]
Verdict = Literal["a", "b", "tie", "none"]
Label = Literal["a", "b", "tie"]
Reads = Literal["pair", "story"]
"""What one answer of a judge speaks of: two stories, which it compares, or one, which it scores."""
Row = Mapping[str, Any]
"""A row of a table: column -> value."""

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
ORDERS: tuple[Order, ...] = ("ab", "ba")
LABELS: tuple[Label, ...] = ("a", "b", "tie")
HUMAN = "human"
"""Source of labelled pairs that name no other source."""
CONSENSUS = "consensus"
LENGTH, SENTENCES, MAJORITY, PEOPLE = "length only", "sentence length", "majority", "people"
BASELINES = (LENGTH, SENTENCES, MAJORITY, PEOPLE)
"""Rows of the alignment table that are no judges."""


def _schema(required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType]) -> pa.Schema:
    fields = [pa.field(name, kind, nullable=False) for name, kind in required.items()]
    fields += [pa.field(name, kind) for name, kind in optional.items()]
    return pa.schema(fields)


CONSTRAINTS = pa.list_(pa.struct([pa.field("kind", pa.string()), pa.field("parameters", pa.string())]))

CONTEXTS = _schema(
    required={
        "context_id": pa.string(),
        "domain": pa.string(),
        "characters": pa.string(),
        "previous_plot": pa.string(),
        "outline": pa.string(),
        "constraints": CONSTRAINTS,
        "split": pa.string(),
    },
    optional={},
)
PAIRS = _schema(
    required={
        "pair_id": pa.string(),
        "context_id": pa.string(),
        "story_a": pa.string(),
        "story_b": pa.string(),
        "label": pa.string(),
        "source": pa.string(),
    },
    optional={"annotator": pa.string(), "cohort": pa.string(), "soft_label": pa.float64()},
)
ANNOTATIONS = _schema(
    required={"pair_id": pa.string(), "label": pa.string()},
    optional={"annotator": pa.string(), "cohort": pa.string()},
)
UNLABELLED = _schema(
    required={
        "pair_id": pa.string(),
        "context_id": pa.string(),
        "story_a": pa.string(),
        "story_b": pa.string(),
        "source": pa.string(),
    },
    optional={},
)
QUARANTINE = _schema(
    required={"file": pa.string(), "line": pa.int64(), "reason": pa.string()}
    | {name: pa.string() for name in ("found", "advice", "row")},
    optional={},
)
JUDGEMENTS = _schema(
    required={
        "pair_id": pa.string(),
        "order": pa.string(),
        "judge": pa.string(),
        "verdict": pa.string(),
        "tokens": pa.int64(),
        "raw": pa.string(),
        "truncated": pa.bool_(),
    },
    optional={
        "analysis": pa.string(),
        "score_a": pa.float64(),
        "score_b": pa.float64(),
        "p_a": pa.float64(),
        "reasoning_tokens": pa.int64(),
    },
)
STORIES = _schema(
    required={
        "context_id": pa.string(),
        "policy": pa.string(),
        "sample": pa.int64(),
        "seed": pa.int64(),
        "text": pa.string(),
        "tokens": pa.int64(),
        "truncated": pa.bool_(),
    },
    optional={"reasoning_tokens": pa.int64()},
)
SNAPSHOTS = _schema(  # of a policy in training; its name and seed are those of the artifact
    required={
        "step": pa.int64(),
        "context_id": pa.string(),
        "text": pa.string(),
        "tokens": pa.int64(),
        "truncated": pa.bool_(),
    },
    optional={},
)
_MATCH = {
    "match_id": pa.string(),
    "context_id": pa.string(),
    "policy_a": pa.string(),
    "policy_b": pa.string(),
    "sample": pa.int64(),
}
MATCHES = _schema(required=_MATCH, optional={})
KEY = _schema(  # of a blind sheet
    required={**_MATCH, "truncated_a": pa.bool_(), "truncated_b": pa.bool_()}, optional={}
)
INJECTIONS = _schema(
    required={"judge": pa.string(), "injection": pa.string(), "pair_id": pa.string(), "order": pa.string()},
    optional={"structure_kept": pa.bool_()},
)
CHECKS = _schema(  # of constraints that no rule can check, by a verifier model
    required={
        "policy": pa.string(),
        "seed": pa.int64(),
        "context_id": pa.string(),
        "sample": pa.int64(),
        "constraint": pa.int64(),  # position in the context
        "tokens": pa.int64(),
        "raw": pa.string(),
    },
    optional={"satisfied": pa.bool_()},
)
RESPONSES = _schema(  # to prompts with instructions
    required={
        "key": pa.string(),
        "policy": pa.string(),
        "seed": pa.int64(),
        "text": pa.string(),
        "tokens": pa.int64(),
        "truncated": pa.bool_(),
    },
    optional={"reasoning_tokens": pa.int64()},
)
HISTORY = _schema(
    required={"step": pa.int64(), "metric": pa.string(), "value": pa.float64()},
    optional={},
)


@dataclass(frozen=True)
class Constraint:
    """A hard requirement on a story: a kind and its parameters (RLMR, arXiv 2508.18642)."""

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Premise that a story continues: the input of a policy's and of a judge's prompt."""

    context_id: str
    domain: str
    characters: str
    previous_plot: str
    outline: str
    constraints: tuple[Constraint, ...]
    split: Split

    @property
    def premise(self) -> tuple[str, str, str]:
        """The text that must not stand in two splits."""
        return (self.characters, self.previous_plot, self.outline)


@dataclass(frozen=True)
class Comparison:
    """Two continuations of one context, shown to a judge in one order.

    ``story_a`` and ``story_b`` are named as in the pair; in order ``ba`` the judge reads ``story_b`` first.
    """

    pair_id: str
    context: Context
    story_a: str
    story_b: str
    order: Order

    @property
    def first(self) -> str:
        return self.story_a if self.order == "ab" else self.story_b

    @property
    def second(self) -> str:
        return self.story_b if self.order == "ab" else self.story_a


@dataclass(frozen=True)
class Judgement:
    """A judge's answer to a comparison, un-swapped: scores and verdict refer to the pair's a and b.

    ``verdict`` is ``none`` if there is no answer or it cannot be read; then scores and ``p_a`` are None.
    ``truncated``: it was not read because the token limit ended it. Of a judge that reads one story at a
    time, ``raw`` and ``analysis`` are about the story shown first. ``tokens`` are all that it wrote;
    ``reasoning_tokens`` are those of its thoughts, which ``raw`` has none of; None if it has none.
    """

    pair_id: str
    order: Order
    judge: str
    verdict: Verdict
    tokens: int = 0
    raw: str = ""
    analysis: str | None = None
    score_a: float | None = None
    score_b: float | None = None
    p_a: float | None = None
    truncated: bool = False
    reasoning_tokens: int | None = None


# Kinds of preference files; those of text may be gzipped.
FILE_KINDS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


UNKNOWN = "?"  # in a new config, in place of what the person who has the data must say


def label_key(value: Any) -> str:
    """A label as it is compared: a number or a word of any case, without outer spaces."""
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:g}"
    return str(value).strip().casefold()


def digest(*parts: Any) -> str:
    """First 16 hex digits of the SHA-256 of values that JSON can state; an id of what they describe."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def read_rows(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """Read the rows of a Parquet file as dictionaries.

    Raises:
        ValueError: the file's columns are not those of ``schema``.
    """
    table = pq.read_table(path)
    if table.schema.names != schema.names:
        raise ValueError(f"{path} has the columns {table.schema.names}, expected {schema.names}")
    return table.cast(schema).to_pylist()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write rows as Parquet.

    Raises:
        ValueError: a required value is missing.
        pyarrow.ArrowException: a value has the wrong type.
    """
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for row in rows:
        for name, values in columns.items():
            values.append(row.get(name))
    for column in schema:
        if not column.nullable and any(value is None for value in columns[column.name]):
            raise ValueError(f"{path}: column {column.name!r} must not be empty")
    pq.write_table(pa.table(columns, schema=schema), path)


def read_contexts(path: Path) -> dict[str, Context]:
    """Read contexts by id, in the file's order."""
    contexts = {}
    for row in read_rows(path, CONTEXTS):
        constraints = tuple(Constraint(c["kind"], json.loads(c["parameters"])) for c in row["constraints"])
        contexts[row["context_id"]] = Context(**{**row, "constraints": constraints})
    return contexts


def write_contexts(path: Path, contexts: Iterable[Context]) -> None:
    rows = [
        {
            **vars(context),
            "constraints": [
                {"kind": c.kind, "parameters": json.dumps(dict(c.parameters), sort_keys=True)}
                for c in context.constraints
            ],
        }
        for context in contexts
    ]
    write_rows(path, rows, CONTEXTS)


def write_judgements(path: Path, judgements: Sequence[Judgement]) -> None:
    write_rows(path, (vars(judgement) for judgement in judgements), JUDGEMENTS)


def read_judgements(path: Path) -> list[Judgement]:
    return [Judgement(**row) for row in read_rows(path, JUDGEMENTS)]

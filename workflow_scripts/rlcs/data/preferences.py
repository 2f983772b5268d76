"""The artifact of ``ingest``: its contexts, its pairs by split, and the pairs that a model is trained on."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from rlcs.data.artifacts import ANNOTATIONS_FILE, PAIRS_FILE, QUARANTINE_FILE, UNLABELLED_FILE
from rlcs.errors import InputError
from rlcs.plugins import KIND_FILES
from rlcs.records import (
    HUMAN,
    ORDERS,
    Comparison,
    Context,
    Label,
    Split,
    digest,
    read_contexts,
    write_contexts,
)

_Row = dict[str, Any]

_CONTEXTS_NAME = "contexts.parquet"
_COUNTS_NAME = "counts.json"
_KINDS_NAME = "constraint_kinds"  # folder with the files of the kinds that are no others' than the run's


class ChosenPairs(Protocol):
    """The training pairs of an entry, as ``TrainingPairsConfig`` describes them."""

    @property
    def label_sources(self) -> Sequence[str]: ...
    @property
    def human_labels(self) -> int | None: ...
    @property
    def domains(self) -> Sequence[str] | None: ...
    @property
    def cohorts(self) -> Sequence[str] | None: ...


@dataclass(frozen=True)
class Preferences:
    """The preferences in an artifact's folder; each file is read when it is first needed."""

    folder: Path

    @cached_property
    def contexts(self) -> dict[str, Context]:
        """Contexts by id, in the file's order; reading them makes the kinds beside them known."""
        KIND_FILES.update({file.stem: file for file in sorted((self.folder / _KINDS_NAME).glob("*.py"))})
        return read_contexts(self.folder / _CONTEXTS_NAME)

    @cached_property
    def annotations(self) -> list[_Row]:
        """Rows of ANNOTATIONS: every vote."""
        return ANNOTATIONS_FILE.read(self.folder)

    @cached_property
    def quarantine(self) -> list[_Row]:
        """Rows of QUARANTINE: what could not be used."""
        return QUARANTINE_FILE.read(self.folder)

    @cached_property
    def rows_read(self) -> int:
        """The number of rows read, used or in quarantine; it is not that of pairs."""
        count: int = json.loads((self.folder / _COUNTS_NAME).read_text(encoding="utf-8"))["rows_read"]
        return count

    @cached_property
    def labels(self) -> dict[str, Label]:
        """The label of each pair that has one, by pair id."""
        return {pair["pair_id"]: pair["label"] for pair in self.pairs()}

    @cached_property
    def context_ids(self) -> dict[str, str]:
        """The context of each pair that has a label, by pair id."""
        return {pair["pair_id"]: pair["context_id"] for pair in self.pairs()}

    def contexts_of(self, split: Split) -> list[Context]:
        """The contexts of a split."""
        return [context for context in self.contexts.values() if context.split == split]

    def pairs(self, split: Split | None = None) -> list[_Row]:
        """Rows of PAIRS: the pairs with a label, all of them or those of a split."""
        return self._within(self._pairs, split)

    def chosen_stories(self, split: Split) -> dict[str, list[str]]:
        """The preferred stories of a split's labelled pairs by context, each once; a tie has none."""
        chosen: dict[str, dict[str, None]] = {}
        for pair in self.pairs(split):
            if pair["label"] != "tie":
                chosen.setdefault(pair["context_id"], {})[pair[f"story_{pair['label']}"]] = None
        return {context: list(stories) for context, stories in chosen.items()}

    def unlabelled(self, split: Split | None = None) -> list[_Row]:
        """Rows of UNLABELLED: the pairs without a label, all of them or those of a split."""
        return self._within(self._unlabelled, split)

    def training_pairs(
        self,
        chosen: ChosenPairs,
        consensus: Iterable[Path],
        *,
        seed: int = 0,
    ) -> list[_Row]:
        """The labelled pairs that an entry trains on: rows of PAIRS, none of them twice.

        Args:
            chosen: sources, of which ``HUMAN`` names the training pairs of these preferences; domains,
                cohorts, and the number of human labels, which ``draw_pairs`` draws.
            consensus: artifacts of ``find_consensus``, one for each other source.
            seed: of that draw.

        Raises:
            InputError: there are fewer such pairs, or none of a domain or a cohort.
            ValueError: the number of artifacts is not that of the other sources.
        """
        human = self.pairs("train") if HUMAN in chosen.label_sources else []
        human = _only(human, lambda pair: pair["cohort"], chosen.cohorts, "cohorts")
        human = _only(human, self._domain_of, chosen.domains, "domains")
        if chosen.human_labels is not None:
            human = draw_pairs(human, chosen.human_labels, seed)
        pairs = {pair["pair_id"]: pair for pair in human}
        sources = [source for source in chosen.label_sources if source != HUMAN]
        for _, folder in zip(sources, consensus, strict=True):
            for pair in _only(PAIRS_FILE.read(folder), self._domain_of, chosen.domains, "domains"):
                pairs.setdefault(pair["pair_id"], pair)
        return list(pairs.values())

    def _domain_of(self, pair: _Row) -> str:
        return self.contexts[pair["context_id"]].domain

    def comparisons(self, pairs: Iterable[Mapping[str, Any]]) -> list[Comparison]:
        """Every pair in both orders, the two orders of a pair adjacent."""
        return comparisons_of(pairs, self.contexts)

    def questions(
        self, pairs: Sequence[Mapping[str, Any]], most: int | None = None, seed: int = 0
    ) -> tuple[list[Comparison], dict[str, Label]]:
        """Comparisons of decided pairs in both orders, and their labels.

        Args:
            most: draws so many of the pairs by the seed if there are more; None: all, in their order.
        """
        chosen = pairs if most is None else random.Random(seed).sample(pairs, min(most, len(pairs)))
        return self.comparisons(chosen), {pair["pair_id"]: pair["label"] for pair in chosen}

    @cached_property
    def _pairs(self) -> list[_Row]:
        return PAIRS_FILE.read(self.folder)

    @cached_property
    def _unlabelled(self) -> list[_Row]:
        return UNLABELLED_FILE.read(self.folder)

    def _within(self, pairs: list[_Row], split: Split | None) -> list[_Row]:
        if split is None:
            return list(pairs)
        return [pair for pair in pairs if self.contexts[pair["context_id"]].split == split]


def decided(pairs: Iterable[_Row]) -> list[_Row]:
    """The pairs whose label is no tie: only these have a right verdict."""
    return [pair for pair in pairs if pair["label"] != "tie"]


def _only(
    pairs: list[_Row], group_of: Callable[[_Row], str | None], wanted: Sequence[str] | None, key: str
) -> list[_Row]:
    """The pairs of the wanted groups.

    Raises:
        InputError: a wanted group has no pair.
    """
    if wanted is None or not pairs:
        return pairs
    groups = {group_of(pair) for pair in pairs}
    if missing := [group for group in wanted if group not in groups]:
        there = ", ".join(sorted(group for group in groups if group)) or "none"
        raise InputError(f"{key}: no training pair is of {', '.join(missing)}; the pairs have {there}")
    return [pair for pair in pairs if group_of(pair) in wanted]


def draw_pairs(pairs: Sequence[_Row], count: int, seed: int) -> list[_Row]:
    """Draw pairs, whole contexts as far as possible; the drawn pairs stand in their given order.

    A seeded hash of context and pair decides, and not their order or number: a seed's larger draw contains
    its smaller ones.

    Raises:
        InputError: there are fewer pairs.
    """
    if count > len(pairs):
        raise InputError(
            f"human_labels is {count}, but the training pairs have {len(pairs)} human labels: lower it, or "
            "leave it out"
        )
    ranked = sorted(pairs, key=lambda pair: [digest(seed, pair[name]) for name in ("context_id", "pair_id")])
    drawn = {pair["pair_id"] for pair in ranked[:count]}
    return [pair for pair in pairs if pair["pair_id"] in drawn]


def write_preferences(
    folder: Path,
    contexts: Iterable[Context],
    pairs: Iterable[Mapping[str, Any]],
    annotations: Iterable[Mapping[str, Any]],
    unlabelled: Iterable[Mapping[str, Any]],
    kinds: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Write what ``Preferences`` reads, except for the quarantine, into the folder of an artifact.

    Args:
        kinds: files with the kinds of constraints of the run's own, by name. Those that a context has are
            copied, so that all that reads contexts depends on them.
    """
    contexts = list(contexts)
    write_contexts(folder / _CONTEXTS_NAME, contexts)
    stated = {constraint.kind for context in contexts for constraint in context.constraints}
    for name in sorted(kinds.keys() & stated):
        (folder / _KINDS_NAME).mkdir(exist_ok=True)
        shutil.copyfile(kinds[name], folder / _KINDS_NAME / f"{name}.py")
    PAIRS_FILE.write(folder, pairs)
    ANNOTATIONS_FILE.write(folder, annotations)
    UNLABELLED_FILE.write(folder, unlabelled)


def write_counts(folder: Path, rows_read: int) -> None:
    """Write how many rows were read into the folder of an artifact, for ``Preferences.rows_read``."""
    (folder / _COUNTS_NAME).write_text(json.dumps({"rows_read": rows_read}), encoding="utf-8")


def comparisons_of(pairs: Iterable[Mapping[str, Any]], contexts: Mapping[str, Context]) -> list[Comparison]:
    """Every pair in both orders, the two orders of a pair adjacent."""
    return [
        Comparison(pair["pair_id"], contexts[pair["context_id"]], pair["story_a"], pair["story_b"], order)
        for pair in pairs
        for order in ORDERS
    ]

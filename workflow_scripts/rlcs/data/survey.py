"""A source of pairs as ``ingest`` reads it: rows, labels, people, lengths, and what is not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rlcs import text as texts
from rlcs.config.data import DataConfig
from rlcs.data.files import check_premise, columns_of
from rlcs.data.oddities import one_sided_labels
from rlcs.data.reasons import check_share, count_reasons, explain_reasons
from rlcs.data.source import read_source
from rlcs.data.splits import count_pairs, refuse_empty_splits
from rlcs.data.usable import usable_pairs
from rlcs.data.validation import Validated
from rlcs.data.votes import votes_by_pair
from rlcs.errors import InputError
from rlcs.records import LABELS, SPLITS, Split


@dataclass(frozen=True)
class Survey:
    """Rows of a source and what becomes of them.

    Attributes:
        found: as validated, after ``subset``.
    """

    data: DataConfig
    rows: int
    found: Validated

    @property
    def labels(self) -> Counter[str]:
        return Counter(pair["label"] for pair in self.found.pairs)

    @property
    def story_words(self) -> list[int]:
        """Words of each story of a pair, sorted."""
        pairs: Sequence[Mapping[str, Any]] = [*self.found.pairs, *self.found.unlabelled]
        return sorted(texts.word_count(pair[side]) for pair in pairs for side in ("story_a", "story_b"))

    def problem(self, needed: Sequence[Split] = ("train", "test")) -> str | None:
        """Say why ``ingest`` would stop, or what is trained on the pairs; None if they would not.

        Args:
            needed: splits that must have pairs; a benchmark has no other than test.
        """
        found = self.found
        try:
            check_share(self.rows, found.quarantine, self.data.max_quarantine_share, "quarantine.parquet")
            refuse_empty_splits(
                found.contexts,
                found.pairs,
                found.unlabelled,
                needed,
                lambda: f"Columns found: {', '.join(columns_in(self.data))}",
            )
        except InputError as error:
            return str(error)
        ties = [pair for pair in found.pairs if pair["label"] == "tie"]
        training = count_pairs(found.contexts, found.pairs)["train"]
        if "train" in needed and count_pairs(found.contexts, ties)["train"] == training:
            return (
                f"{training} training pairs, and all are ties: there is nothing to learn. Add pairs "
                "whose label is a or b, or name the column of the label in data.columns"
            )
        return None

    def warning(self) -> str | None:
        """Say that the labels may not be what was meant; None if nothing tells so."""
        return one_sided_labels(self.labels)

    def lines(self, *, labelled: bool = True) -> list[str]:
        """The survey for a person to read.

        Args:
            labelled: the meaning of the labels is known.
        """
        found, labels, words = self.found, self.labels, self.story_words
        several = sum(len(votes) > 1 for votes in votes_by_pair(found.annotations).values())
        people = {vote["annotator"] for vote in found.annotations if vote["annotator"]}
        counted = ", ".join(f"{labels[label]} {label}" for label in LABELS)
        by_split = count_pairs(found.contexts, found.pairs)
        splits = ", ".join(f"{by_split[split]} {split}" for split in SPLITS)
        if not labelled:
            return [f"{self.rows} rows, {len(found.contexts)} prompts"]
        lines = [
            f"{self.rows} rows, {self.rows - len(found.quarantine)} used",
            f"{len(found.pairs)} pairs with a label ({counted}), {len(found.unlabelled)} without, "
            f"{len(found.contexts)} prompts",
            f"labelled pairs by split: {splits}",
            f"people: {len(people) or 'not named'}; {several} pairs have several votes",
        ]
        if words:
            lines.append(f"stories: {words[0]} to {words[-1]} words, half of them at most {median(words):g}")
        if unusable := count_reasons(found.quarantine):
            counts = ", ".join(f"{count} {reason}" for reason, count in unusable.items())
            lines.append(f"not used: {len(found.quarantine)} rows: {counts}")
        return lines + [f"not used: {line}" for line in explain_reasons(found.quarantine)]


def survey(data: DataConfig) -> Survey:
    """Read and validate a source of pairs.

    Raises:
        InputError: it cannot be read, or has no column that it needs.
    """
    read = read_source(data, data.input_files)
    check_premise(read, lambda: columns_in(data))
    used = usable_pairs(read, data)
    return Survey(data, used.rows, used.taken)


def columns_in(data: DataConfig) -> list[str]:
    """The names of the columns in the files; none of a data set on a hub."""
    return [] if data.hub else columns_of(data.input_files)

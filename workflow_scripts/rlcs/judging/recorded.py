"""A teacher whose chains another system wrote, such as LitBench-Rationales."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlcs.config.judging import ScoresConfig
from rlcs.config.untrained_judges import CHAIN_COLUMNS, RecordedTeacherConfig
from rlcs.data.files import read_records
from rlcs.data.values import named_values
from rlcs.errors import InputError
from rlcs.records import Comparison, Judgement, label_key
from rlcs.text import text_key, word_count
from rlcs.verdict import read_judgement, score_line

log = logging.getLogger("rlcs")

_MARK = re.compile(r"(?:story[\s_-]*)?([ab12])")
_MOST_LEFT_OUT = 0.5  # share of the rows; the best half of a file may be what its author kept


@dataclass(frozen=True)
class Chain:
    """An analysis, and the place of the better story: 0 or 1."""

    analysis: str
    better: int


def read_chains(file: Path, entry: RecordedTeacherConfig) -> dict[tuple[str, str], Chain]:
    """Read chains by the keys of their two stories, in the file's order; of several the first counts.

    Raises:
        InputError: the file cannot be read, more than half of its rows are no chains, or a label is 0.
    """
    names = {**CHAIN_COLUMNS, **entry.columns}
    chains: dict[tuple[str, str], Chain] = {}
    unusable: dict[str, list[int]] = {}
    rows = 0
    for line, _, values in read_records(file):
        rows += 1
        parsed = values if isinstance(values, str) else _parse(values, names, f"{file} line {line}")
        if isinstance(parsed, str):
            unusable.setdefault(parsed, []).append(line)
        else:
            stories, chain = parsed
            chains.setdefault(stories, chain)
    left_out = [
        f"{len(lines)} rows left out: {reason}, first in line {lines[0]}"
        for reason, lines in unusable.items()
    ]
    for said in left_out:
        log.warning("%s: %s", file, said)
    number = sum(map(len, unusable.values()))
    if number > _MOST_LEFT_OUT * rows:
        raise InputError(
            f"{file}: {number} of {rows} rows are no chains, and at most half of them may be left out: "
            f"{'; '.join(left_out)}. Correct the rows, or the judge's columns, which are "
            f"{{{', '.join(f'{field}: {name}' for field, name in names.items())}}}"
        )
    if not chains:
        raise InputError(f"{file}: no rows")
    return chains


def _parse(
    values: Mapping[str, Any], names: Mapping[str, str], place: str
) -> tuple[tuple[str, str], Chain] | str:
    """The keys of two stories and their chain, or the reason why a row is none."""
    found = named_values(values, names)
    texts = {name: found.get(name) for name in ("story_a", "story_b", "analysis")}
    empty = [names[name] for name, text in texts.items() if not (isinstance(text, str) and text.strip())]
    if empty:
        return f"no text in {', '.join(empty)}"
    label = found.get("label")
    if label is None or not label_key(label):
        return f"nothing in {names['label']}"
    if label_key(label) == "0":
        raise InputError(
            f"{place}: {names['label']} is 0, so that 1 may mean the second story or the first: write A and B"
        )
    stories = text_key(str(texts["story_a"])), text_key(str(texts["story_b"]))
    better = _place(label, stories)
    if better is None:
        return f"{names['label']} is neither A, B nor the text of one of the two stories"
    return stories, Chain(str(texts["analysis"]).strip(), better)


def _place(label: Any, stories: tuple[str, str]) -> int | None:
    """The place of the story that a label names: A, Story B, 1, or the text of one of them, not of both."""
    if mark := _MARK.fullmatch(label_key(label)):
        return "ab12".index(mark[1]) % 2
    same = [place for place, story in enumerate(stories) if text_key(str(label)) == story]
    return same[0] if len(same) == 1 else None


class RecordedTeacher:
    """Answers with a file's chain, and with scores that say which story it prefers.

    Design choice: the file has no scores. The better story gets a quarter of the range less than the highest,
    the other as much more than the lowest, so that a judge that learns them is not at the ends.
    """

    shard_size = None

    def __init__(self, name: str, chains: dict[tuple[str, str], Chain], scores: ScoresConfig) -> None:
        self.name = name
        self.chains = chains
        self.scores = scores
        step = (scores.high - scores.low) // 4
        self.pair = scores.high - step, scores.low + step

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        judgements = [self._judge(comparison) for comparison in comparisons]
        found = sum(judgement.verdict != "none" for judgement in judgements)
        log.log(
            logging.INFO if found else logging.WARNING,
            "%d of %d comparisons have a chain in the file, in their order",
            *(found, len(judgements)),
        )
        return judgements

    def _judge(self, c: Comparison) -> Judgement:
        chain = self.chains.get((text_key(c.first), text_key(c.second)))
        if chain is None:
            return Judgement(c.pair_id, c.order, self.name, "none")
        scores = self.pair if chain.better == 0 else self.pair[::-1]
        raw = f"{chain.analysis}\n{score_line(*scores)}"
        return read_judgement(c, self.name, raw, word_count(raw), self.scores.low, self.scores.high)

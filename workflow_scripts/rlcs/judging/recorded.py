"""A teacher whose chains another system wrote, such as LitBench-Rationales."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlcs.config.judging import ScoresConfig
from rlcs.config.untrained_judges import CHAIN_COLUMNS, RecordedTeacherConfig
from rlcs.data.files import read_records
from rlcs.data.values import named_values
from rlcs.errors import InputError
from rlcs.records import Comparison, Judgement
from rlcs.text import text_key, word_count
from rlcs.verdict import read_judgement, score_line

log = logging.getLogger("rlcs")

_BETTER = {"a": 0, "b": 1, "1": 0, "2": 1}


@dataclass(frozen=True)
class Chain:
    """An analysis, and the place of the better story: 0 or 1."""

    analysis: str
    better: int


def read_chains(file: Path, entry: RecordedTeacherConfig) -> dict[tuple[str, str], Chain]:
    """Read chains by the keys of their two stories, in the file's order; of several the first counts.

    Raises:
        InputError: the file cannot be read, or none of its rows is a chain.
    """
    names = {**CHAIN_COLUMNS, **entry.columns}
    chains: dict[tuple[str, str], Chain] = {}
    unusable: Counter[str] = Counter()
    for _, _, values in read_records(file):
        if isinstance(values, str):
            unusable[values] += 1
            continue
        found = named_values(values, names)
        texts = [found.get(name) for name in ("story_a", "story_b", "analysis")]
        label = str(found.get("label", "")).strip().lower()
        if not all(isinstance(text, str) and text.strip() for text in texts) or label not in _BETTER:
            unusable["no two stories, analysis and label A or B"] += 1
            continue
        first, second, analysis = map(str, texts)
        chains.setdefault((text_key(first), text_key(second)), Chain(analysis.strip(), _BETTER[label]))
    for reason, count in unusable.items():
        log.warning("%s: %d rows left out: %s", file, count, reason)
    if not chains:
        raise InputError(f"{file}: no row is a chain, with the columns {', '.join(names.values())}")
    return chains


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
        log.info("%d of %d comparisons have a chain in the file, in their order", found, len(judgements))
        return judgements

    def _judge(self, c: Comparison) -> Judgement:
        chain = self.chains.get((text_key(c.first), text_key(c.second)))
        if chain is None:
            return Judgement(c.pair_id, c.order, self.name, "none")
        scores = self.pair if chain.better == 0 else self.pair[::-1]
        raw = f"{chain.analysis}\n{score_line(*scores)}"
        return read_judgement(c, self.name, raw, word_count(raw), self.scores.low, self.scores.high)

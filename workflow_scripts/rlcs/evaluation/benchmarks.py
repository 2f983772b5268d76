"""Judges on benchmarks: accuracy on pairs, or on rows in which a chosen story must be the best of several."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from rlcs.evaluation import baselines
from rlcs.evaluation.crossed import share_by_seed
from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.overlap import Overlap, PairTexts
from rlcs.evaluation.statistics import Estimate
from rlcs.judging.credits import pair_credits, unparsed_share, win_credits
from rlcs.records import LENGTH, Context, Judgement, Row

CHANCE = "chance"
OWN = "this run"
HELD_OUT = "held-out pairs of this run"
PUBLISHED = "published_figures.json"


@dataclass(frozen=True)
class Benchmark:
    """Pairs of a benchmark, and what is measured on them.

    Attributes:
        metric: pairs, or best_of, for which all pairs of a context are one row of several stories.
        pairs: rows of PAIRS without ties, which have no right verdict.
        preset: known benchmark that it is, under which figures are published.
    """

    name: str
    metric: Literal["pairs", "best_of"]
    pairs: Sequence[Row]
    contexts: Mapping[str, Context]
    quarantined: int = 0
    preset: str | None = None
    licence: str | None = None

    def credits(self, judgements: Sequence[Judgement]) -> dict[str, float]:
        """Credit of a judge by item: by pair, or by the context of a row of several stories."""
        if self.metric == "best_of":
            return best_of_credits(win_credits(judgements), self.pairs)
        labels = {pair["pair_id"]: pair["label"] for pair in self.pairs}
        return pair_credits((one for one in judgements if one.pair_id in labels), labels)

    @property
    def clusters(self) -> dict[str, str]:
        """The prompt of each item, over which intervals are: a prompt may have several items."""
        key = "context_id" if self.metric == "best_of" else "pair_id"
        return {pair[key]: self._prompt(pair) for pair in self.pairs}

    def _prompt(self, pair: Row) -> str:
        known = PairTexts.of(pair, self.contexts).prompt_key
        return "\n".join(known) if known else str(pair["context_id"])

    @property
    def chance(self) -> float:
        """Accuracy of a judge that draws lots: one half, or the mean share of chosen stories in a row."""
        if self.metric == "pairs":
            return 0.5
        shares = [len(chosen) / (len(chosen) + len(rejected)) for chosen, rejected in _rows_of(self.pairs)]
        return sum(shares) / len(shares) if shares else math.nan


def _rows_of(pairs: Iterable[Row]) -> list[tuple[set[str], set[str]]]:
    """The chosen and the rejected stories of each row of several stories."""
    rows: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for pair in pairs:
        chosen, rejected = rows[pair["context_id"]]
        preferred, other = _sides(pair)
        chosen.add(preferred)
        rejected.add(other)
    return list(rows.values())


def _sides(pair: Row) -> tuple[str, str]:
    """The chosen and the rejected story of a pair."""
    stories = pair["story_a"], pair["story_b"]
    return stories if pair["label"] == "a" else stories[::-1]


def best_of_credits(won: Mapping[str, float], pairs: Iterable[Row]) -> dict[str, float]:
    """Credit by context: 1 if a chosen story beats every rejected one, 0 if each loses to one.

    A story beats another if p over both orders is above one half. If the best chosen stories only tie with
    rejected ones, the credit is that of drawing lots among those that tie: k of k + t. So a judge that always
    ties has the chance level, and a judge that scores stories alone has what its highest score gives it.
    Design choice; ``docs/method.md``, "Benchmarks".

    Args:
        won: p(a wins) by pair, the mean over the verdicts of both orders.
        pairs: rows of PAIRS; all pairs of a context are one row of chosen and rejected stories.

    Returns:
        Credits of the contexts that have a verdict on every pair.
    """
    rows: dict[str, dict[str, dict[str, float | None]]] = defaultdict(lambda: defaultdict(dict))
    for pair in pairs:
        chosen, rejected = _sides(pair)
        p = won.get(pair["pair_id"])
        rows[pair["context_id"]][chosen][rejected] = p if p is None or pair["label"] == "a" else 1 - p
    return {
        context: _best_of_credit({story: _numbers(by_rejected) for story, by_rejected in row.items()})
        for context, row in rows.items()
        if all(p is not None for by_rejected in row.values() for p in by_rejected.values())
    }


def _numbers(by_rejected: Mapping[str, float | None]) -> dict[str, float]:
    return {rejected: p for rejected, p in by_rejected.items() if p is not None}


def _best_of_credit(p_of: Mapping[str, Mapping[str, float]]) -> float:
    """The credit of one row.

    Args:
        p_of: chosen story -> rejected story -> p(chosen wins).
    """
    unbeaten = [by_rejected for by_rejected in p_of.values() if min(by_rejected.values()) >= 0.5]
    if any(min(by_rejected.values()) > 0.5 for by_rejected in unbeaten):
        return 1.0
    tied = {rejected for by_rejected in unbeaten for rejected, p in by_rejected.items() if p == 0.5}
    return len(unbeaten) / (len(unbeaten) + len(tied)) if unbeaten else 0.0


def published_figures(presets: Iterable[str | None]) -> list[dict[str, Any]]:
    """Read figures of others, in per cent, as preset, judge, figure, source, year and url."""
    figures = json.loads(Path(__file__).with_name(PUBLISHED).read_text(encoding="utf-8"))
    wanted = set(presets)
    return [figure for figure in figures if figure["preset"] in wanted]


def benchmark_table(
    benchmarks: Sequence[Benchmark],
    judged: Mapping[str, Judged],
    train_pairs: Sequence[Row],
    *,
    column: str,
    seed: int,
) -> pd.DataFrame:
    """Tabulate accuracy by judge and benchmark; then the rule of length, chance, and published figures.

    Args:
        judged: by the name of the benchmark; judges in the table's order.
        train_pairs: rows of PAIRS that the direction of the rule of length is fitted on.
        column: start of the name of a benchmark's column.
        seed: of the bootstrap with one seed of training.
    """
    direction = baselines.length_direction(train_pairs)
    cells: dict[tuple[str, str], dict[str, Any]] = {}
    shares: dict[str, list[Judgement]] = defaultdict(list)
    for benchmark in benchmarks:
        lengths = baselines.judgements_of(baselines.length_verdicts(benchmark.pairs, direction), LENGTH)
        for judge, seeds in {**judged[benchmark.name], LENGTH: {0: lengths}}.items():
            cells.setdefault((judge, OWN), {})[column + benchmark.name] = _accuracy(benchmark, seeds, seed)
            shares[judge] += [judgement for judgements in seeds.values() for judgement in judgements]
    rules = {(LENGTH, OWN): cells.pop((LENGTH, OWN))} if benchmarks else {}
    chance = {column + one.name: _point(one.chance, len(set(one.clusters))) for one in benchmarks}
    cells |= rules | {(CHANCE, OWN): chance}
    for figure in published_figures(one.preset for one in benchmarks):
        source = f"{figure['source']} ({figure['year']}), {figure['url']}"
        row = cells.setdefault((figure["judge"], source), {})
        for benchmark in benchmarks:
            if benchmark.preset == figure["preset"]:
                row[column + benchmark.name] = _point(figure["figure"] / 100, 0)
    names = [column + benchmark.name for benchmark in benchmarks]
    rows = [
        {
            "system": system,
            **{name: row.get(name) for name in names},
            "unparsed": unparsed_share(shares[system]) if source == OWN and system in shares else None,
            "source": source,
        }
        for (system, source), row in cells.items()
    ]
    return pd.DataFrame(rows, dtype=object)


def _accuracy(benchmark: Benchmark, seeds: Mapping[int, Sequence[Judgement]], seed: int) -> Estimate:
    by_seed = {number: benchmark.credits(judgements) for number, judgements in seeds.items()}
    return share_by_seed(by_seed, benchmark.clusters, seed)


def _point(value: float, n: int) -> Estimate:
    """A figure without an interval."""
    return Estimate(value, math.nan, math.nan, n)


def benchmark_data_table(
    benchmarks: Sequence[Benchmark], held_out: Sequence[Row], overlaps: Mapping[str, Overlap]
) -> pd.DataFrame:
    """Tabulate pairs, chance level, quarantine, overlap with training and licence of each benchmark.

    Args:
        held_out: the run's own held-out pairs, the last row.
        overlaps: by the name of the benchmark, and ``HELD_OUT``.
    """
    rows: list[dict[str, Any]] = [
        {
            "benchmark": one.name,
            "metric": one.metric,
            "measured": len(one.clusters),
            "pairs": len(one.pairs),
            "chance": one.chance,
            "quarantined": one.quarantined,
            **overlaps[one.name]._asdict(),
            "licence": one.licence,
        }
        for one in benchmarks
    ]
    own = {"benchmark": HELD_OUT, "metric": "pairs", "measured": len(held_out), "pairs": len(held_out)}
    rows.append(dict.fromkeys(rows[0]) | own | {"chance": 0.5, **overlaps[HELD_OUT]._asdict()})
    return pd.DataFrame(rows, dtype=object)

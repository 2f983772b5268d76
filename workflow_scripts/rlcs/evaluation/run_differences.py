"""Differences between two runs: paired if both judged the same pairs or matches, else independent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from rlcs.data.artifacts import MATCHES_FILE
from rlcs.data.preferences import Preferences
from rlcs.evaluation.crossed import BySeed, difference_by_seed
from rlcs.evaluation.judgements import read_judged, wins
from rlcs.evaluation.statistics import Estimate
from rlcs.judging.credits import both_orders_credits, pair_credits, pair_flips, win_credits
from rlcs.records import Judgement, Label
from rlcs.stages.manifest import MANIFEST_NAME, read_provenance

SEED = 0  # of the bootstraps: the same files give the same page


def independent_difference(x: Estimate, y: Estimate) -> Estimate:
    """The difference y - x of independent estimates, with the interval of the method MOVER.

    Its ends are d ± the root of the squared distances of the two estimates from the ends of their own
    intervals, which need not be symmetric (Zou and Donner 2008, doi 10.1002/sim.3095). Without one of the
    intervals there is none; n is the smaller one.
    """
    value = y.value - x.value
    low = value - math.hypot(y.value - y.low, x.high - x.value)
    high = value + math.hypot(y.high - y.value, x.value - x.low)
    return Estimate(value, low, high, min(x.n, y.n))


class RowItems(NamedTuple):
    """The values behind a row of a table by seed and item (a pair or a match), and the context of each item.

    ``content_of`` is what two runs must have in common for an item to be the same: its id alone is not.
    """

    values: BySeed
    context_of: Mapping[str, str]
    content_of: Mapping[str, object]


def paired_run_difference(x: RowItems, y: RowItems) -> Estimate | None:
    """The mean difference y - x over the items of both runs; None if they have fewer than two contexts.

    Seeds are paired as ``crossed.pair_seeds`` pairs them; None if both have several, and not the same.
    """
    common = {item for item in x.content_of if x.content_of[item] == y.content_of.get(item)}
    kept = [_only(one.values, common) for one in (x, y)]
    contexts = {x.context_of[item] for of_seed in kept[0].values() for item in of_seed}
    if len(contexts) < 2:
        return None
    try:
        difference = difference_by_seed(kept[1], kept[0], x.context_of, SEED)
    except ValueError:  # seeds that cannot be paired
        return None
    return None if math.isnan(difference.value) else difference


def _only(by_seed: BySeed, items: set[str]) -> dict[int, dict[str, float]]:
    return {seed: {item: v for item, v in of.items() if item in items} for seed, of in by_seed.items()}


class RunEvidence:
    """Judgements of a run, read when a row needs them.

    Args:
        results: folder of a run; its judgements may be gone, as they are from published results.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self._preferences = Preferences(results / "preferences")
        self._known = (results / "preferences" / MANIFEST_NAME).exists()

    def measure(self, table: str, column: str, row: Mapping[str, object]) -> RowItems | None:
        """The values behind a cell of a table; None if they are not there, or cannot be paired."""
        if not self._known:
            return None
        if table == "alignment" and column in _OF_PAIRS:
            return self._of_pairs(str(row["system"]), _OF_PAIRS[column])
        if table == "win_rates" and column == "win_rate":
            return self._of_matches(*(str(row[name]) for name in ("judge", "policy", "reference")))
        return None

    def _folders(self, *parts: str) -> list[Path]:
        return sorted(path.parent for path in self.results.joinpath(*parts).glob(f"seed*/{MANIFEST_NAME}"))

    def _of_pairs(self, judge: str, of: _OfPairs) -> RowItems | None:
        if not (folders := self._folders("alignment", judge)):
            return None
        judged = read_judged(folders, [judge])[judge]
        context_of, content_of = self._test_pairs
        values = {seed: of(said, self._preferences.labels) for seed, said in judged.items()}
        return RowItems(values, context_of, content_of)

    @cached_property
    def _test_pairs(self) -> tuple[dict[str, str], dict[str, object]]:
        """The context of each held-out pair, and its content."""
        pairs = self._preferences.pairs("test")
        content_of: dict[str, object] = {
            pair["pair_id"]: (
                self._preferences.contexts[pair["context_id"]].premise,
                *(pair[name] for name in ("story_a", "story_b", "label")),
            )
            for pair in pairs
        }
        return {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}, content_of

    def _of_matches(self, judge: str, policy: str, reference: str) -> RowItems | None:
        if not (folders := self._folders("matches", judge)):
            return None
        table = self.results / "tables" / "win_rates"
        probability = read_provenance(table)["config"]["probability"]
        judged = read_judged(folders, [judge], probability)[judge]
        credits = {seed: win_credits(said) for seed, said in judged.items()}
        results = wins(MATCHES_FILE.read(folders[0]), credits, policy, reference)
        values: dict[int, dict[str, float]] = {}
        context_of, content_of = {}, {}
        for result in results:
            item = f"{result.context_id}/{result.match['sample']}"
            values.setdefault(result.seed, {})[item] = result.value
            context_of[item] = result.context_id
            content_of[item] = self._preferences.contexts[result.context_id].premise
        return RowItems(values, context_of, content_of)


_OfPairs = Callable[[Sequence[Judgement], Mapping[str, Label]], Mapping[str, float]]


def _flips(judgements: Iterable[Judgement], _: Mapping[str, Label]) -> dict[str, float]:
    return pair_flips(judgements)


_OF_PAIRS: dict[str, _OfPairs] = {
    "accuracy": pair_credits,
    "accuracy_both_orders": both_orders_credits,
    "flip_rate": _flips,
}

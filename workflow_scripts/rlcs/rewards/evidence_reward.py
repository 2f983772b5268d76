"""Reward of a GenRM for evidence that its analysis shares with a teacher's kept chain (cf. arXiv 2601.07349).

A right verdict may come from wrong evidence. Where the filter kept a teacher's chain of the same pair in the
same order, that chain can check it. Design choice: the share in common is ROUGE-L, the F1 of the words that
both say in the same order. A chain of slots in a fixed order, as the tiny world's, agrees word by word, and
each slot that is misread costs its words. In a real teacher's prose it counts the facts that are named in the
teacher's words and order, so a paraphrase earns less and the weight should be small. Evidence of the wrong
story is out of order, and a rambling analysis has a low precision: neither pays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rlcs.config.prompts import Messages
from rlcs.records import Judgement, Order
from rlcs.rewards.verdict_reward import VerdictReward
from rlcs.text import words
from rlcs.verdict import parse_analysis

Chains = Mapping[tuple[str, Order], str]
"""Analysis by pair and order."""


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence; the table's rows are bits of a number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << i
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        shared = row & places.get(word, 0)
        row = ((row + shared) | (row - shared)) & full
    return len(one) - row.bit_count()


def rouge_l(one: str, other: str) -> float:
    """ROUGE-L of texts of m and n words (Lin 2004): 2 · LCS / (m + n) in lower case; 0 without words."""
    first, second = words(one.lower()), words(other.lower())
    if not first or not second:
        return 0.0
    return 2 * common_subsequence(first, second) / (len(first) + len(second))


def analyses_of(teacher: str, chains: Iterable[Judgement], pair_ids: Iterable[str]) -> Chains:
    """Analyses of a teacher's chains, for these pairs; a chain without an analysis is left out."""
    known = set(pair_ids)
    return {
        (chain.pair_id, chain.order): chain.analysis
        for chain in chains
        if chain.judge == teacher and chain.pair_id in known and chain.analysis
    }


class EvidenceReward:
    """``rouge_l`` with the chain of the same pair and order, as a TRL reward function beside the verdict's.

    A completion that the verdict's reward cannot read has none, as has one whose pair has no chain; the share
    of the latter is logged.
    """

    __name__ = "evidence"

    def __init__(self, verdicts: VerdictReward, chains: Chains) -> None:
        self.verdicts = verdicts
        self.chains = chains

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        completion_ids: Sequence[Sequence[int]],
        order: Sequence[Order],
        pair_id: Sequence[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        chains = [self.chains.get(key) for key in zip(pair_id, order, strict=True)]
        log_metric("without_chain", chains.count(None) / len(chains))
        return [
            rouge_l(parse_analysis(completion[-1]["content"]), chain)
            if chain is not None and self.verdicts.is_read(completion, ids)
            else None
            for completion, ids, chain in zip(completions, completion_ids, chains, strict=True)
        ]

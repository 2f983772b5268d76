"""Overlap of tested pairs with training pairs: the same prompt, the same story, long shared n-grams.

An n-gram of 13 words is what decontamination commonly looks for (GPT-3, arXiv 2005.14165). Time and memory
are linear: the tested n-grams are held as hashes, and the training texts are read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rlcs.records import Context, Row
from rlcs.text import premise_key, text_key, words

NGRAM = 13
"""Words of a long n-gram."""


class PairTexts(NamedTuple):
    """The premise of a pair and its stories."""

    premise: tuple[str, ...]
    stories: tuple[str, str]

    @classmethod
    def of(cls, pair: Row, contexts: Mapping[str, Context]) -> PairTexts:
        """Take the texts of a row of PAIRS or UNLABELLED."""
        return cls(contexts[pair["context_id"]].premise, (pair["story_a"], pair["story_b"]))

    @property
    def prompt_key(self) -> tuple[str, ...] | None:
        """The key by which premises are split; None without a premise."""
        return tuple(map(premise_key, self.premise)) if any(self.premise) else None

    @property
    def story_keys(self) -> set[str]:
        """The keys by which stories are the same, whatever their spelling."""
        return set(map(text_key, self.stories))

    def ngrams(self) -> Iterator[int]:
        """Hashes of the n-grams of all its texts, which no other process understands."""
        for text in (*self.premise, *self.stories):
            found = words(text_key(text))
            yield from (hash(tuple(found[i : i + NGRAM])) for i in range(len(found) - NGRAM + 1))


class Overlap(NamedTuple):
    """Numbers of tested pairs that share something with a training pair."""

    same_prompt: int
    same_story: int
    shared_ngram: int


def count_overlaps(
    tested: Mapping[str, Sequence[PairTexts]], training: Iterable[PairTexts]
) -> dict[str, Overlap]:
    """Count, in each set of tested pairs, those that share a prompt, a story or an n-gram with training.

    Args:
        tested: pairs by the name of their set.
        training: read once.
    """
    wanted = {ngram for pairs in tested.values() for pair in pairs for ngram in pair.ngrams()}
    prompts: set[tuple[str, ...]] = set()
    stories: set[str] = set()
    shared: set[int] = set()
    for pair in training:
        if (key := pair.prompt_key) is not None:
            prompts.add(key)
        stories |= pair.story_keys
        shared.update(ngram for ngram in pair.ngrams() if ngram in wanted)
    return {
        name: Overlap(
            sum(pair.prompt_key in prompts for pair in pairs),
            sum(not pair.story_keys.isdisjoint(stories) for pair in pairs),
            sum(any(ngram in shared for ngram in pair.ngrams()) for pair in pairs),
        )
        for name, pairs in tested.items()
    }

"""Diversity and length of stories, which stand beside every win rate (DESIGN §9).

Words are runs of letters, digits and apostrophes, in lower case. A number over no words or stories is None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from statistics import fmean

from rlcs.constraints.text import sentences

_WORD = re.compile(r"[\w'’]+")


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    if n < 1:
        raise ValueError(f"n = {n} must be at least 1")
    found = words(text)
    return [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]


def distinct_n(texts: Sequence[str], n: int) -> float | None:
    """Distinct n-grams of all texts over all their n-grams (Li et al. 2016, arXiv 1510.03055).

    It falls with the number of words: compare sets of as many texts of like length.
    """
    ngrams = [ngram for text in texts for ngram in _ngrams(text, n)]
    return len(set(ngrams)) / len(ngrams) if ngrams else None


def repeated_ngram_share(text: str, n: int) -> float | None:
    """1 − distinct over all n-grams of one text (seq-rep-n, Welleck et al. 2020, arXiv 1908.04319)."""
    distinct = distinct_n([text], n)
    return None if distinct is None else 1 - distinct


@cache
def sentence_words(text: str) -> float:
    """Mean length of a text's sentences in words; 0 of none."""
    found = sentences(text)
    return len(words(text)) / len(found) if found else 0.0


def mean_words(texts: Sequence[str]) -> float | None:
    """Mean length in words."""
    return fmean(len(words(text)) for text in texts) if texts else None

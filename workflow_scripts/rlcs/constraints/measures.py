"""Kinds that count: a measure and a relation make a kind, such as ``max_sentences`` or ``between_words``."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import regex
from pydantic import create_model, model_validator

from rlcs import text as texts
from rlcs.constraints.kind import ConstraintKind, Count, Letter, Phrase, Some, kind_of


class Measure(ConstraintKind):
    """A countable property of a text; with a relation it is a kind.

    Its ``wording`` has ``amount`` in braces too, and ``plural``, the ending of the noun after the amount.
    """

    least: ClassVar[int] = 0  # of a text that is not blank

    def count(self, text: str) -> int:
        raise NotImplementedError

    def stated(self, amount: str, n: int) -> str:
        """The instruction, with an amount in words that ends in ``n``."""
        return self.wording.format(amount=amount, plural="" if n == 1 else "s", **dict(self))


def measure(wording: str, least: int = 0) -> Callable[[Callable[[str], int]], type[Measure]]:
    """Decorate a function that counts something in a text, to make it a measure without parameters."""
    return lambda count: kind_of(count, Measure, wording=wording, count=staticmethod(count), least=least)


@measure("{amount} word{plural}")
def count_words(text: str) -> int:
    """words by UAX #29; a Chinese character is one"""
    return texts.word_count(text)


@measure("{amount} sentence{plural}")
def count_sentences(text: str) -> int:
    """sentences, by the ends of the text's script"""
    return len(texts.sentences(text))


@measure("{amount} line{plural}", least=1)
def count_lines(text: str) -> int:
    """lines that are not blank, as of a poem"""
    return len(texts.lines(text))


@measure("{amount} paragraph{plural} with blank lines between them", least=1)
def count_paragraphs(text: str) -> int:
    """paragraphs, divided by blank lines"""
    return len(texts.paragraphs(text))


class Parts(Measure):
    """parts between dividers, such as ``***``; an empty part between two dividers is one too"""

    divider: Phrase
    wording = "{amount} part{plural} divided by {divider}"

    def count(self, text: str) -> int:
        parts = [part.strip() for part in text.split(self.divider)]
        return len(parts) - (not parts[0]) - (len(parts) > 1 and not parts[-1])


class Sections(Measure):
    """sections, each with a heading of the marker and a number, such as ``Chapter 1``"""

    marker: Phrase
    wording = "{amount} section{plural}, each under a heading of the form {marker} 1"

    def count(self, text: str) -> int:
        return len(regex.findall(rf"(?<!\w){regex.escape(self.marker)}\s?\d+", text))


class Occurrences(Measure):
    """occurrences of a word or phrase, whatever its case"""

    phrase: Phrase
    wording = "use the word {phrase} {amount} time{plural}"

    def count(self, text: str) -> int:
        return texts.occurrences(text, self.phrase)


class Letters(Measure):
    """occurrences of a letter, whatever its case"""

    letter: Letter
    wording = "use the letter {letter} {amount} time{plural}"

    def count(self, text: str) -> int:
        return texts.letters(text, self.letter)


@measure("{amount} word{plural} in capital letters")
def count_capital_words(text: str) -> int:
    """words in capital letters"""
    return sum(word.isupper() for word in texts.words(text))


@measure("{amount} passage{plural} of direct speech in quotation marks")
def count_speeches(text: str) -> int:
    """passages of direct speech, in quotation marks or behind the dash of a line"""
    return texts.speeches(text)


@measure("a list with {amount} item{plural}, each on a line that begins with *")
def count_list_items(text: str) -> int:
    """items of lists: lines with a bullet, or with numbers that count up from 1"""
    return texts.list_items(text)


@measure("{amount} passage{plural} highlighted like *this*")
def count_highlights(text: str) -> int:
    """passages between asterisks"""
    single = regex.findall(r"\*[^\n*]*\*", text)
    double = regex.findall(r"\*\*[^\n*]*\*\*", text)
    return sum(bool(part.strip("* ")) for part in single + double)


@measure("{amount} placeholder{plural} in square brackets, such as [name]")
def count_placeholders(text: str) -> int:
    """placeholders in square brackets"""
    return len(regex.findall(r"\[.*?\]", text))


MEASURES: dict[str, type[Measure]] = {
    "words": count_words,
    "sentences": count_sentences,
    "lines": count_lines,
    "paragraphs": count_paragraphs,
    "parts": Parts,
    "sections": Sections,
    "occurrences": Occurrences,
    "letters": Letters,
    "capital_words": count_capital_words,
    "speeches": count_speeches,
    "list_items": count_list_items,
    "highlights": count_highlights,
    "placeholders": count_placeholders,
}


def _possible(kind: Measure, most: int) -> None:
    if most < kind.least:
        raise ValueError(f"no text has fewer than {kind.least} of these, so at most {most} can never be kept")


class Min(Measure):
    """at least n"""

    n: Some

    def instruction(self) -> str:
        return self.stated(f"at least {self.n}", self.n)

    def satisfied(self, text: str) -> bool:
        return self.count(text) >= self.n


class Max(Measure):
    """at most n"""

    n: Count

    @model_validator(mode="after")
    def _can_be_kept(self) -> Max:
        _possible(self, self.n)
        return self

    def instruction(self) -> str:
        return self.stated(f"at most {self.n}", self.n)

    def satisfied(self, text: str) -> bool:
        return self.count(text) <= self.n


class Exact(Measure):
    """exactly n"""

    n: Count

    @model_validator(mode="after")
    def _can_be_kept(self) -> Exact:
        _possible(self, self.n)
        return self

    def instruction(self) -> str:
        return self.stated(f"exactly {self.n}", self.n)

    def satisfied(self, text: str) -> bool:
        return self.count(text) == self.n


class Between(Measure):
    """between low and high, both included"""

    low: Count
    high: Count

    @model_validator(mode="after")
    def _ordered(self) -> Between:
        if self.low > self.high:
            raise ValueError(f"low = {self.low} must be at most high = {self.high}")
        _possible(self, self.high)
        return self

    def instruction(self) -> str:
        return self.stated(f"between {self.low} and {self.high}", self.high)

    def satisfied(self, text: str) -> bool:
        return self.low <= self.count(text) <= self.high


RELATIONS: dict[str, type[Measure]] = {"min": Min, "max": Max, "exact": Exact, "between": Between}


def counting_kinds() -> dict[str, type[ConstraintKind]]:
    """A kind for every relation and measure, by name."""
    return {
        f"{relation_name}_{name}": create_model(
            f"{relation.__name__}{measure.__name__}", __base__=(relation, measure)
        )
        for name, measure in MEASURES.items()
        for relation_name, relation in RELATIONS.items()
    }

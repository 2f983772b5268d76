"""Kinds that count: a measure and a relation make a kind, such as ``max_sentences`` or ``between_words``."""

from __future__ import annotations

from typing import Annotated

import regex
from pydantic import Field, create_model, model_validator

from rlcs import text as texts
from rlcs.constraints.kind import ConstraintKind, Count, Phrase, Some


class Measure(ConstraintKind):
    """A countable property of a text; with a relation it is a kind."""

    def count(self, text: str) -> int:
        raise NotImplementedError

    def stated(self, amount: str, plural: str) -> str:
        """The instruction; ``plural`` is the ending of the noun after the amount."""
        raise NotImplementedError


class Words(Measure):
    """words"""

    def count(self, text: str) -> int:
        return len(texts.words(text))

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} word{plural}"


class Sentences(Measure):
    """sentences"""

    def count(self, text: str) -> int:
        return len(texts.sentences(text))

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} sentence{plural}"


class Paragraphs(Measure):
    """paragraphs, divided by blank lines"""

    def count(self, text: str) -> int:
        return len(texts.paragraphs(text))

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} paragraph{plural} with blank lines between them"


class Parts(Measure):
    """parts between dividers, such as ``***``; an empty part between two dividers is one too"""

    divider: Phrase

    def count(self, text: str) -> int:
        parts = [part.strip() for part in text.split(self.divider)]
        return len(parts) - (not parts[0]) - (len(parts) > 1 and not parts[-1])

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} part{plural} divided by {self.divider}"


class Sections(Measure):
    """sections, each with a heading of the marker and a number, such as ``Chapter 1``"""

    marker: Phrase

    def count(self, text: str) -> int:
        return len(regex.findall(rf"(?<!\w){regex.escape(self.marker)}\s?\d+", text))

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} section{plural}, each under a heading of the form {self.marker} 1"


class Occurrences(Measure):
    """occurrences of a word or phrase, whatever its case"""

    phrase: Phrase

    def count(self, text: str) -> int:
        return texts.occurrences(text, self.phrase)

    def stated(self, amount: str, plural: str) -> str:
        return f"use the word {self.phrase} {amount} time{plural}"


class Letters(Measure):
    """occurrences of a letter, whatever its case"""

    letter: Annotated[str, Field(min_length=1, max_length=1)]

    def count(self, text: str) -> int:
        return texts.letters(text, self.letter)

    def stated(self, amount: str, plural: str) -> str:
        return f"use the letter {self.letter} {amount} time{plural}"


class CapitalWords(Measure):
    """words in capital letters"""

    def count(self, text: str) -> int:
        return sum(word.isupper() for word in texts.words(text))

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} word{plural} in capital letters"


class Speeches(Measure):
    """passages of direct speech in quotation marks"""

    def count(self, text: str) -> int:
        return texts.speeches(text)

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} passage{plural} of direct speech in quotation marks"


class ListItems(Measure):
    """items of lists"""

    def count(self, text: str) -> int:
        return texts.list_items(text)

    def stated(self, amount: str, plural: str) -> str:
        return f"a list with {amount} item{plural}, each on a line that begins with *"


class Highlights(Measure):
    """passages between asterisks"""

    def count(self, text: str) -> int:
        single = regex.findall(r"\*[^\n*]*\*", text)
        double = regex.findall(r"\*\*[^\n*]*\*\*", text)
        return sum(bool(part.strip("* ")) for part in single + double)

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} passage{plural} highlighted like *this*"


class Placeholders(Measure):
    """placeholders in square brackets"""

    def count(self, text: str) -> int:
        return len(regex.findall(r"\[.*?\]", text))

    def stated(self, amount: str, plural: str) -> str:
        return f"{amount} placeholder{plural} in square brackets, such as [name]"


MEASURES: dict[str, type[Measure]] = {
    "words": Words,
    "sentences": Sentences,
    "paragraphs": Paragraphs,
    "parts": Parts,
    "sections": Sections,
    "occurrences": Occurrences,
    "letters": Letters,
    "capital_words": CapitalWords,
    "speeches": Speeches,
    "list_items": ListItems,
    "highlights": Highlights,
    "placeholders": Placeholders,
}


class Min(Measure):
    """at least n"""

    n: Some

    def instruction(self) -> str:
        return self.stated(f"at least {self.n}", plural(self.n))

    def satisfied(self, text: str) -> bool:
        return self.count(text) >= self.n


class Max(Measure):
    """at most n"""

    n: Count

    def instruction(self) -> str:
        return self.stated(f"at most {self.n}", plural(self.n))

    def satisfied(self, text: str) -> bool:
        return self.count(text) <= self.n


class Exact(Measure):
    """exactly n"""

    n: Count

    def instruction(self) -> str:
        return self.stated(f"exactly {self.n}", plural(self.n))

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
        return self

    def instruction(self) -> str:
        return self.stated(f"between {self.low} and {self.high}", plural(self.high))

    def satisfied(self, text: str) -> bool:
        return self.low <= self.count(text) <= self.high


RELATIONS: dict[str, type[Measure]] = {"min": Min, "max": Max, "exact": Exact, "between": Between}


def plural(n: int) -> str:
    return "" if n == 1 else "s"


def counting_kinds() -> dict[str, type[ConstraintKind]]:
    """A kind for every relation and measure, by name."""
    return {
        f"{relation_name}_{name}": create_model(
            f"{relation.__name__}{measure.__name__}", __base__=(relation, measure)
        )
        for name, measure in MEASURES.items()
        for relation_name, relation in RELATIONS.items()
    }

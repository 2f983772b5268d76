"""Kinds that do not count: words, beginnings and ends, format, language.

A kind that IFEval (arXiv 2311.07911) has too follows its rule; ``ifeval`` lists the differences.
"""

from __future__ import annotations

from typing import Annotated, Literal

import regex
from pydantic import AfterValidator, Field, model_validator

from rlcs import text as texts
from rlcs.constraints.kind import ConstraintKind, Phrase, Phrases, Some

Unit = Literal["line", "sentence", "paragraph"]
UNITS = {"line": texts.lines, "sentence": texts.sentences, "paragraph": texts.paragraphs}


def _known_language(code: str) -> str:
    import py3langid  # with its model: a second that other kinds are spared

    if code not in (known := sorted(label for label, _ in py3langid.rank(""))):
        raise ValueError(f"{code!r} is none of {', '.join(known)}")
    return code


class RequiredWord(ConstraintKind):
    """The word or phrase is there, whatever its case."""

    word: Phrase

    def instruction(self) -> str:
        return f"use the word {self.word}"

    def satisfied(self, text: str) -> bool:
        return texts.occurrences(text, self.word) > 0


class RequiredWords(ConstraintKind):
    """Every one of the words or phrases is there."""

    words: Phrases

    def instruction(self) -> str:
        return f"use the words {', '.join(self.words)}"

    def satisfied(self, text: str) -> bool:
        return all(texts.occurrences(text, word) for word in self.words)


class ForbiddenWords(ConstraintKind):
    """None of the words or phrases is there."""

    words: Phrases

    def instruction(self) -> str:
        return f"do not use the words {', '.join(self.words)}"

    def satisfied(self, text: str) -> bool:
        return not any(texts.occurrences(text, word) for word in self.words)


class Opening(ConstraintKind):
    """The text begins with these words, whatever their case."""

    text: Phrase

    def instruction(self) -> str:
        return f"begin with: {self.text}"

    def satisfied(self, text: str) -> bool:
        return text.strip().lower().startswith(self.text.lower())


class Ending(ConstraintKind):
    """The text ends with these words, whatever their case; a closing quotation mark may follow."""

    text: Phrase

    def instruction(self) -> str:
        return f"end with: {self.text}"

    def satisfied(self, text: str) -> bool:
        bare, wanted = (value.strip().strip('"”').lower() for value in (text, self.text))
        return bare.endswith(wanted)


class Initials(ConstraintKind):
    """The first letters of the lines, sentences or paragraphs are these, in this order, and no more."""

    unit: Unit
    letters: Annotated[str, Field(pattern=r"^[A-Za-z]+$")]

    def instruction(self) -> str:
        return f"let the first letters of the {self.unit}s be {' '.join(self.letters.upper())}"

    def satisfied(self, text: str) -> bool:
        return [texts.initial(part) for part in UNITS[self.unit](text)] == list(self.letters.lower())


class FirstLetter(ConstraintKind):
    """Every line, sentence or paragraph begins with the letter."""

    unit: Unit
    letter: Annotated[str, Field(pattern=r"^[A-Za-z]$")]

    def instruction(self) -> str:
        return f"begin every {self.unit} with the letter {self.letter.upper()}"

    def satisfied(self, text: str) -> bool:
        return {texts.initial(part) for part in UNITS[self.unit](text)} == {self.letter.lower()}


class ParagraphStart(ConstraintKind):
    """There are so many paragraphs, and one of them begins with the word."""

    paragraphs: Some
    nth: Some
    word: Phrase

    @model_validator(mode="after")
    def _there(self) -> ParagraphStart:
        if self.nth > self.paragraphs:
            raise ValueError(f"nth = {self.nth} must be at most paragraphs = {self.paragraphs}")
        return self

    def instruction(self) -> str:
        return (
            f"write {self.paragraphs} paragraphs with blank lines between them; paragraph {self.nth} begins "
            f"with the word {self.word}"
        )

    def satisfied(self, text: str) -> bool:
        parts = texts.paragraphs(text)
        if len(parts) != self.paragraphs:
            return False
        first = (texts.words(parts[self.nth - 1]) or [""])[0]
        return first.lower() == self.word.lower()


class HasTitle(ConstraintKind):
    """There is a title in double angular brackets."""

    def instruction(self) -> str:
        return "give it a title in double angular brackets, such as <<a long way home>>"

    def satisfied(self, text: str) -> bool:
        return any(title.strip("< >") for title in regex.findall(r"<<[^\n]+>>", text))


class Quoted(ConstraintKind):
    """The whole text stands in double quotation marks."""

    def instruction(self) -> str:
        return "put the whole text in double quotation marks"

    def satisfied(self, text: str) -> bool:
        bare = text.strip()
        return len(bare) > 1 and (bare[0] + bare[-1]) in ('""', "“”")


class Postscript(ConstraintKind):
    """A line begins with the marker of a postscript, with words after it."""

    marker: Phrase

    def instruction(self) -> str:
        return f"add a postscript that begins with {self.marker}"

    def satisfied(self, text: str) -> bool:
        marker = self.marker.lower()
        lines = [line.lower() for line in texts.lines(text)]
        return any(line.startswith(marker) and texts.words(line[len(marker) :]) for line in lines)


class NoLists(ConstraintKind):
    """No line is an item of a list."""

    def instruction(self) -> str:
        return "do not use lists"

    def satisfied(self, text: str) -> bool:
        return texts.list_items(text) == 0


class NoDialogue(ConstraintKind):
    """Nothing stands in quotation marks."""

    def instruction(self) -> str:
        return "do not use dialogue"

    def satisfied(self, text: str) -> bool:
        return texts.speeches(text) == 0


class NoCommas(ConstraintKind):
    """There is no comma."""

    def instruction(self) -> str:
        return "do not use commas"

    def satisfied(self, text: str) -> bool:
        return "," not in text


class Capitals(ConstraintKind):
    """Every letter is a capital."""

    def instruction(self) -> str:
        return "write in capital letters only"

    def satisfied(self, text: str) -> bool:
        return text.isupper()


class Lowercase(ConstraintKind):
    """No letter is a capital."""

    def instruction(self) -> str:
        return "write in lowercase letters only"

    def satisfied(self, text: str) -> bool:
        return text.islower()


class Language(ConstraintKind):
    """The text is in the language (ISO 639-1), as py3langid tells it; unsafe on very short texts."""

    code: Annotated[str, AfterValidator(_known_language)]

    def instruction(self) -> str:
        return f"write in the language with the ISO 639-1 code {self.code}"

    def satisfied(self, text: str) -> bool:
        import py3langid  # with its model: a second that other kinds are spared

        return bool(py3langid.classify(text)[0] == self.code)


class Described(ConstraintKind):
    """Anything in words, which only a verifier model can check."""

    text: Phrase

    def instruction(self) -> str:
        return self.text

    def satisfied(self, text: str) -> None:
        return None

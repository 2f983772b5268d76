"""Kinds that do not count: words, beginnings and ends, format, language.

Words and phrases are compared in the form of ``text.comparable``. IFEval's own rules stand under its names,
in ``instructions``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import regex
from pydantic import AfterValidator, Field, model_validator

from rlcs import text as texts
from rlcs.constraints.kind import ConstraintKind, Phrase, Phrases, Some, kind_of

Unit = Literal["line", "sentence", "paragraph"]
UNITS = {"line": texts.lines, "sentence": texts.sentences, "paragraph": texts.paragraphs}


_DOUBLE_QUOTATION_MARKS = (
    '""',
    "“”",
    "„“",
    "„”",
    "””",
    "«»",
    "»«",
    "»»",
    "「」",
    "『』",
    "〝〞",
    "〝〟",
    "＂＂",
)


def without_parameters(wording: str) -> Callable[[Callable[[str], bool]], type[ConstraintKind]]:
    """Decorate a check of a text, to make it a kind with this instruction."""
    return lambda check: kind_of(check, ConstraintKind, wording=wording, satisfied=staticmethod(check))


def _known_language(code: str) -> str:
    import py3langid  # with its model: a second that other kinds are spared

    if code not in (known := sorted(label for label, _ in py3langid.rank(""))):
        raise ValueError(f"{code!r} is not one of {', '.join(known)}")
    return code


class RequiredWord(ConstraintKind):
    """The word or phrase is there, whatever its case."""

    word: Phrase
    wording = "use the word {word}"

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
    """The text begins with these words, whatever their case; an opening quotation mark may precede."""

    text: Phrase
    wording = "begin with: {text}"

    def satisfied(self, text: str) -> bool:
        return texts.begins_with(text, self.text)


class Ending(ConstraintKind):
    """The text ends with these words, whatever their case; a closing quotation mark may follow."""

    text: Phrase
    wording = "end with: {text}"

    def satisfied(self, text: str) -> bool:
        return texts.ends_with(text, self.text)


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
    """There are so many paragraphs, and one of them begins with the word or phrase; marks may precede."""

    paragraphs: Some
    nth: Some
    word: Phrase
    wording = (
        "write {paragraphs} paragraphs with blank lines between them; paragraph {nth} begins with the word "
        "{word}"
    )

    @model_validator(mode="after")
    def _there(self) -> ParagraphStart:
        if self.nth > self.paragraphs:
            raise ValueError(f"nth = {self.nth} must be at most paragraphs = {self.paragraphs}")
        return self

    def satisfied(self, text: str) -> bool:
        parts = texts.paragraphs(text)
        return len(parts) == self.paragraphs and texts.begins_with(
            parts[self.nth - 1], self.word, skipped=r"[^\p{L}\p{N}]"
        )


@without_parameters("give it a title in double angular brackets, such as <<a long way home>>")
def has_title(text: str) -> bool:
    """There is a title in double angular brackets."""
    return any(title.strip("< >") for title in regex.findall(r"<<[^\n]+>>", text))


@without_parameters("put the whole text in double quotation marks")
def quoted(text: str) -> bool:
    """The whole text stands in double quotation marks."""
    bare = text.strip()
    return len(bare) > 1 and bare[0] + bare[-1] in _DOUBLE_QUOTATION_MARKS


class Postscript(ConstraintKind):
    """A line begins with the marker of a postscript, with words after it; emphasis may precede."""

    marker: Phrase
    wording = "add a postscript that begins with {marker}"

    def satisfied(self, text: str) -> bool:
        marker = texts.comparable(self.marker)
        lines = [texts.comparable(line).lstrip("*_#> ") for line in texts.lines(text)]
        rests = [
            " ".join([line[len(marker) :], *lines[i:]])
            for i, line in enumerate(lines, start=1)
            if line.startswith(marker)
        ]
        return any(texts.words(rest) for rest in rests)


@without_parameters("do not use lists")
def no_lists(text: str) -> bool:
    """No line is an item of a list."""
    return texts.list_items(text) == 0


@without_parameters("do not use dialogue")
def no_dialogue(text: str) -> bool:
    """Nothing stands in quotation marks, and no line begins with a dash of speech."""
    return texts.speeches(text) == 0


@without_parameters("do not use commas")
def no_commas(text: str) -> bool:
    """There is no comma of any script."""
    return texts.commas(text) == 0


@without_parameters("write in capital letters only")
def capitals(text: str) -> bool:
    """Every letter is a capital."""
    return text.isupper()


@without_parameters("write in lowercase letters only")
def lowercase(text: str) -> bool:
    """No letter is a capital."""
    return text.islower()


class Language(ConstraintKind):
    """The text is in the language (ISO 639-1), as py3langid tells it; unsafe on very short texts."""

    code: Annotated[str, AfterValidator(_known_language)]
    wording = "write in the language with the ISO 639-1 code {code}"

    def satisfied(self, text: str) -> bool:
        import py3langid  # with its model: a second that other kinds are spared

        return bool(py3langid.classify(text)[0] == self.code)


class Described(ConstraintKind):
    """Anything in words, which only a verifier model can check."""

    text: Phrase
    wording = "{text}"

    def satisfied(self, text: str) -> None:
        return None

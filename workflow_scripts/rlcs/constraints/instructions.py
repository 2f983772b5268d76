"""IFEval's instructions as kinds of constraints, under its names and with its rules (arXiv 2311.07911).

The rules are those of its code, to the verdict, and so are their oddities: keywords are patterns, and curly
quotation marks are none. Its code draws at random what is missing or what it cannot use; here that is
refused, but for a ``letter`` that is none, which is counted.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from rlcs.constraints import bare_instructions as bare
from rlcs.constraints.kind import ConstraintKind, Some

Relation = Literal["at least", "less than"]
_PUNCTUATION = frozenset(".,?!'\"")


def _compiled(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"IFEval takes it as a pattern, which {value!r} is none of: {error}") from None
    return value


def _compiled_in_lower_case(value: str) -> str:
    _compiled(value.lower())
    return value


def _first_word(value: str) -> str:
    if not value or value.split() != [value] or _PUNCTUATION & set(value):
        raise ValueError(f"no first word can be {value!r}: it ends before white space and . , ? ! ' \"")
    return value


def _detected(code: str) -> str:
    if code not in (known := sorted(bare.detectors().get_lang_list())):
        raise ValueError(f"{code!r} is not one of {', '.join(known)}")
    return code


Pattern = Annotated[str, AfterValidator(_compiled), Field(min_length=1)]
Patterns = Annotated[list[Pattern], Field(min_length=1)]
Stripped = Annotated[str, AfterValidator(str.strip), Field(min_length=1)]


def _related(count: int, relation: Relation, number: int) -> bool:
    return count < number if relation == "less than" else count >= number


class KeywordsExistence(ConstraintKind):
    """Every keyword is found, also within longer words."""

    keywords: Patterns

    def instruction(self) -> str:
        return f"use the words {', '.join(self.keywords)}"

    def satisfied(self, text: str) -> bool:
        return all(re.search(keyword, text, re.IGNORECASE) for keyword in self.keywords)


class KeywordsForbidden(ConstraintKind):
    """No forbidden word is found as a whole word."""

    forbidden_words: Patterns

    def instruction(self) -> str:
        return f"do not use the words {', '.join(self.forbidden_words)}"

    def satisfied(self, text: str) -> bool:
        return not any(re.search(rf"\b{word}\b", text, re.IGNORECASE) for word in self.forbidden_words)


class KeywordsFrequency(ConstraintKind):
    """The keyword is found as often, also within longer words."""

    keyword: Annotated[Stripped, AfterValidator(_compiled)]
    frequency: Some
    relation: Relation
    wording = "use the word {keyword} {relation} {frequency} times"

    def satisfied(self, text: str) -> bool:
        return _related(len(re.findall(self.keyword, text, re.IGNORECASE)), self.relation, self.frequency)


class LetterFrequency(ConstraintKind):
    """The letter is there as often, whatever its case."""

    letter: Annotated[str, Field(min_length=1, max_length=1)]
    let_frequency: Some
    let_relation: Relation
    wording = "use the letter {letter} {let_relation} {let_frequency} times"

    def satisfied(self, text: str) -> bool:
        count = text.lower().count(self.letter.lower())
        return _related(count, self.let_relation, self.let_frequency)


class ResponseLanguage(ConstraintKind):
    """The text is in the language (ISO 639-1), as langdetect tells it, or in none that it can tell."""

    language: Annotated[str, AfterValidator(_detected)]
    wording = "write in the language with the ISO 639-1 code {language}"

    def satisfied(self, text: str) -> bool:
        return bare.is_in(text, self.language)


class NumberOfWords(ConstraintKind):
    r"""There are as many words, which are runs of ``\w``."""

    num_words: Some
    relation: Relation
    wording = "write {relation} {num_words} words"

    def satisfied(self, text: str) -> bool:
        from nltk.tokenize import RegexpTokenizer

        return _related(len(RegexpTokenizer(r"\w+").tokenize(text)), self.relation, self.num_words)


class NumberOfSentences(ConstraintKind):
    """There are as many sentences, which are those of Punkt's English model."""

    num_sentences: Some
    relation: Relation
    wording = "write {relation} {num_sentences} sentences"

    @model_validator(mode="after")
    def _can_be_kept(self) -> NumberOfSentences:
        if self.relation == "less than" and self.num_sentences == 1:
            raise ValueError("no text has less than 1 sentence")
        return self

    def satisfied(self, text: str) -> bool:
        return _related(len(bare.punkt_sentences(text)), self.relation, self.num_sentences)


class NumberOfParagraphs(ConstraintKind):
    """There are so many paragraphs with ``***`` between them."""

    num_paragraphs: Some
    wording = "write {num_paragraphs} paragraphs divided by ***"

    def satisfied(self, text: str) -> bool:
        parts = [bool(part.strip()) for part in re.split(r"\s?\*\*\*\s?", text)]
        return all(parts[1:-1]) and sum(parts) == self.num_paragraphs


class ParagraphFirstWord(ConstraintKind):
    """There are so many paragraphs, with two line breaks between them, and one begins with the word."""

    num_paragraphs: Some
    nth_paragraph: Some
    first_word: Annotated[str, AfterValidator(_first_word)]
    wording = (
        "write {num_paragraphs} paragraphs with blank lines between them; paragraph {nth_paragraph} begins "
        "with the word {first_word}"
    )

    @model_validator(mode="after")
    def _there(self) -> ParagraphFirstWord:
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError(
                f"nth_paragraph = {self.nth_paragraph} must be at most num_paragraphs = {self.num_paragraphs}"
            )
        return self

    def satisfied(self, text: str) -> bool:
        paragraphs = text.split("\n\n")
        if sum(bool(part.strip()) for part in paragraphs) != self.num_paragraphs:
            return False
        begun = paragraphs[self.nth_paragraph - 1].split()
        word = begun[0].lstrip("'").lstrip('"') if begun else ""
        first = re.split(r"[.,?!'\"]", word, maxsplit=1)[0]
        return "".join(map(str.lower, first)) == self.first_word.lower()


class NumberOfPlaceholders(ConstraintKind):
    """There are at least so many placeholders in square brackets."""

    num_placeholders: Some
    wording = "use at least {num_placeholders} placeholders in square brackets, such as [name]"

    def satisfied(self, text: str) -> bool:
        return len(re.findall(r"\[.*?\]", text)) >= self.num_placeholders


class PostscriptMarker(ConstraintKind):
    """The marker of a postscript is there, wherever in a line."""

    postscript_marker: Annotated[Stripped, AfterValidator(_compiled_in_lower_case)]
    wording = "add a postscript that begins with {postscript_marker}"

    def satisfied(self, text: str) -> bool:
        known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
        pattern = known.get(self.postscript_marker, self.postscript_marker.lower())
        return re.search(pattern, text.lower(), re.MULTILINE) is not None


class NumberOfBullets(ConstraintKind):
    """There are exactly so many lines that begin with ``*`` or ``-``."""

    num_bullets: Some
    wording = "write a list with exactly {num_bullets} items, each on a line that begins with *"

    def satisfied(self, text: str) -> bool:
        stars = re.findall(r"^\s*\*[^\*].*$", text, re.MULTILINE)
        hyphens = re.findall(r"^\s*-.*$", text, re.MULTILINE)
        return len(stars) + len(hyphens) == self.num_bullets


class NumberOfHighlights(ConstraintKind):
    """There are at least so many passages between asterisks."""

    num_highlights: Some
    wording = "highlight at least {num_highlights} passages like *this*"

    def satisfied(self, text: str) -> bool:
        single = [part.strip("*") for part in re.findall(r"\*[^\n\*]*\*", text)]
        double = [part[2:-2] for part in re.findall(r"\*\*[^\n\*]*\*\*", text)]
        return sum(bool(part.strip()) for part in single + double) >= self.num_highlights


class MultipleSections(ConstraintKind):
    """There are at least so many headings of the splitter and a number."""

    section_spliter: Annotated[Stripped, AfterValidator(_compiled)]
    num_sections: Some
    wording = "write at least {num_sections} sections, each under a heading of the form {section_spliter} 1"

    def satisfied(self, text: str) -> bool:
        return len(re.split(rf"\s?{self.section_spliter}\s?\d+\s?", text)) > self.num_sections


class RepeatPrompt(ConstraintKind):
    """The text begins with the prompt, whatever its case."""

    prompt_to_repeat: Stripped
    wording = "begin with: {prompt_to_repeat}"

    def satisfied(self, text: str) -> bool:
        return text.strip().lower().startswith(self.prompt_to_repeat.lower())


class EndPhrase(ConstraintKind):
    """The text ends with the phrase, whatever its case; straight quotation marks may follow."""

    end_phrase: Stripped
    wording = "end with: {end_phrase}"

    def satisfied(self, text: str) -> bool:
        return text.strip().strip('"').lower().endswith(self.end_phrase.lower())


class CapitalWordFrequency(ConstraintKind):
    """There are as many words in capital letters, by NLTK's tokens."""

    capital_frequency: Some
    capital_relation: Relation
    wording = "write {capital_relation} {capital_frequency} words in capital letters"

    def satisfied(self, text: str) -> bool:
        from nltk.tokenize.destructive import NLTKWordTokenizer

        tokenize = NLTKWordTokenizer().tokenize
        tokens = [token for sentence in bare.punkt_sentences(text) for token in tokenize(sentence)]
        count = sum(token.isupper() for token in tokens)
        return _related(count, self.capital_relation, self.capital_frequency)


INSTRUCTIONS: dict[str, type[ConstraintKind]] = {
    "keywords:existence": KeywordsExistence,
    "keywords:forbidden_words": KeywordsForbidden,
    "keywords:frequency": KeywordsFrequency,
    "keywords:letter_frequency": LetterFrequency,
    "language:response_language": ResponseLanguage,
    "length_constraints:number_words": NumberOfWords,
    "length_constraints:number_sentences": NumberOfSentences,
    "length_constraints:number_paragraphs": NumberOfParagraphs,
    "length_constraints:nth_paragraph_first_word": ParagraphFirstWord,
    "detectable_content:number_placeholders": NumberOfPlaceholders,
    "detectable_content:postscript": PostscriptMarker,
    "detectable_format:number_bullet_lists": NumberOfBullets,
    "detectable_format:number_highlighted_sections": NumberOfHighlights,
    "detectable_format:multiple_sections": MultipleSections,
    "detectable_format:constrained_response": bare.constrained_response,
    "detectable_format:json_format": bare.json_format,
    "detectable_format:title": bare.angular_title,
    "combination:two_responses": bare.two_responses,
    "combination:repeat_prompt": RepeatPrompt,
    "startend:end_checker": EndPhrase,
    "startend:quotation": bare.quotation,
    "change_case:capital_word_frequency": CapitalWordFrequency,
    "change_case:english_capital": bare.english_capital,
    "change_case:english_lowercase": bare.english_lowercase,
    "punctuation:no_comma": bare.no_comma,
}

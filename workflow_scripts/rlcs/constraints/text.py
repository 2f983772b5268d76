"""What constraints count in a story: words, sentences, paragraphs, phrases, speech.

Word boundaries are Unicode's (UAX #29, through ``regex``), sentence boundaries those of ``sentencex``.
"""

from __future__ import annotations

import unicodedata

import regex
import sentencex

_WORD_BREAK = regex.compile(r"(?wV1)\b")
# A letter or digit that belongs to a longer word; scripts without spaces have no such thing.
_INNER = r"[\w--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]]"
_LIST_ITEM = regex.compile(r"^\s*(?:[-*•+]|\d+[.)])\s+\S", regex.MULTILINE)
_SPEECH = regex.compile(r'"[^"\n]+"|“[^”\n]+”|„[^“”\n]+[“”]|«[^»\n]+»|「[^」\n]+」')


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def words(text: str) -> list[str]:
    """Words by UAX #29: "don't" is one, "well-known" two, a Chinese character one."""
    return [part for part in _WORD_BREAK.split(text) if _says_something(part)]


def sentences(text: str) -> list[str]:
    """Sentences with at least one letter or digit; a line break in the middle of a paragraph ends none."""
    return [part.strip() for part in sentencex.segment("en", text) if _says_something(part)]


def paragraphs(text: str) -> list[str]:
    """Parts that blank lines divide."""
    return [part.strip() for part in regex.split(r"\n\s*\n", text) if part.strip()]


def lines(text: str) -> list[str]:
    """Lines that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def occurrences(text: str, phrase: str) -> int:
    """How often a phrase stands there, whatever its case, as whole words."""
    pattern = rf"(?<!{_INNER}){regex.escape(phrase)}(?!{_INNER})"
    if not regex.match(_INNER, phrase[0], regex.V1):
        pattern = pattern.removeprefix(rf"(?<!{_INNER})")
    if not regex.match(_INNER, phrase[-1], regex.V1):
        pattern = pattern.removesuffix(rf"(?!{_INNER})")
    return len(regex.findall(pattern, text, regex.IGNORECASE | regex.V1))


def letters(text: str, letter: str) -> int:
    """How often a letter stands there, whatever its case."""
    return text.casefold().count(letter.casefold())


def initial(text: str) -> str:
    """The first letter or digit, in lower case and without its accent; empty where there is none."""
    first = next((character for character in text if character.isalnum()), "")
    return unicodedata.normalize("NFD", first)[:1].lower()


def list_items(text: str) -> int:
    """Lines that begin as an item of a list: ``- ``, ``* ``, ``1. ``."""
    return len(_LIST_ITEM.findall(text))


def speeches(text: str) -> int:
    """Passages in quotation marks, each within a line."""
    return len(_SPEECH.findall(text))

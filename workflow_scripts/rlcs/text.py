"""The one counter of text: words, sentences, paragraphs, lines, phrases, letters, speech and n-grams.

Constraints, tables, baselines and rewards all count with it. Word boundaries are Unicode's (UAX #29, through
``regex``), sentence boundaries those of ``sentencex``. On words rest the measures of diversity: distinct-n of
a set of texts, unique n-grams of each, and the share of repeated n-grams in one text, all in lower case.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache

import regex
import sentencex

_WORD_BREAK = regex.compile(r"(?wV1)\b")
# A letter or digit that belongs to a longer word; scripts without spaces have no such thing.
_INNER = r"[\w--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]]"
_LIST_ITEM = regex.compile(r"^\s*(?:[-*•+]|\d+[.)])\s+\S", regex.MULTILINE)
_MARKUP = regex.compile(
    r"^\s*(?:#{1,6}\s|[-*•+]\s|\d+[.)]\s|\||(?:---|\*\*\*|___)\s*$)|\*\*\S|__\S", regex.V1
)
_INVISIBLE = regex.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_TAGS = regex.compile(r"^(?:\[[\p{L} ]{1,20}\][\s:–-]*)+(?=\S)")
_SPEECH = regex.compile(r'"[^"\n]+"|“[^”\n]+”|„[^“”\n]+[“”]|«[^»\n]+»|「[^」\n]+」')


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def visible(text: str) -> str:
    """The text without outer space and without characters that take no room, such as zero-width spaces."""
    return (text if text.isascii() else _INVISIBLE.sub("", text)).strip()


def text_key(text: str) -> str:
    """Key of a text, the same for all its spellings: composed or not, of any case, with any white space.

    Design choice: Unicode's canonical caseless form, without invisible characters, each run of white space
    (line ends too) one space.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFD", visible(text)).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def same_text(one: str, other: str) -> bool:
    """True if two texts have one ``text_key``; most that differ are told apart by their first words."""

    def start(text: str) -> str:
        return text_key(" ".join(visible(text).split(maxsplit=4)[:4]))

    return start(one) == start(other) and text_key(one) == text_key(other)


def premise_key(premise: str) -> str:
    """Key of a premise: its ``text_key`` without leading tags such as ``[WP]``, unless it is nothing else."""
    return _TAGS.sub("", text_key(premise)) if "[" in premise else text_key(premise)


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
    """Count a phrase, whatever its case, as whole words."""
    pattern = rf"(?<!{_INNER}){regex.escape(phrase)}(?!{_INNER})"
    if not regex.match(_INNER, phrase[0], regex.V1):
        pattern = pattern.removeprefix(rf"(?<!{_INNER})")
    if not regex.match(_INNER, phrase[-1], regex.V1):
        pattern = pattern.removesuffix(rf"(?!{_INNER})")
    return len(regex.findall(pattern, text, regex.IGNORECASE | regex.V1))


def letters(text: str, letter: str) -> int:
    """Count a letter, whatever its case."""
    return text.casefold().count(letter.casefold())


def initial(text: str) -> str:
    """The first letter or digit, in lower case and without its accent; empty if there is none."""
    first = next((character for character in text if character.isalnum()), "")
    return unicodedata.normalize("NFD", first)[:1].lower()


def list_items(text: str) -> int:
    """Count lines that begin as an item of a list: ``- ``, ``* ``, ``1. ``."""
    return len(_LIST_ITEM.findall(text))


def speeches(text: str) -> int:
    """Count passages in quotation marks, each within a line."""
    return len(_SPEECH.findall(text))


def formatted_share(text: str) -> float | None:
    """Share of the lines that hold Markdown: headers, list items, tables, rules or bold text.

    None of a text without lines.
    """
    written = lines(text)
    return sum(bool(_MARKUP.search(line)) for line in written) / len(written) if written else None


def _ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    if n < 1:
        raise ValueError(f"n = {n} must be at least 1")
    lowered = [word.lower() for word in words(text)]
    return [tuple(lowered[i : i + n]) for i in range(len(lowered) - n + 1)]


def distinct_n(texts: Sequence[str], n: int) -> float | None:
    """Distinct n-grams of texts over all their n-grams (Li et al. 2016, arXiv 1510.03055); None without any.

    It falls with the number of words, so compare sets with equally many texts of similar length.

    Raises:
        ValueError: n is less than 1.
    """
    ngrams = [ngram for text in texts for ngram in _ngrams(text, n)]
    return len(set(ngrams)) / len(ngrams) if ngrams else None


def unique_ngram_shares(texts: Sequence[str], n: int) -> list[float | None]:
    """Share of each text's distinct n-grams that no other text has; None of a text without any.

    Raises:
        ValueError: n is less than 1.
    """
    distinct = [set(_ngrams(text, n)) for text in texts]
    texts_with = Counter(ngram for ngrams in distinct for ngram in ngrams)
    return [
        sum(texts_with[ngram] == 1 for ngram in ngrams) / len(ngrams) if ngrams else None
        for ngrams in distinct
    ]


def repeated_ngram_share(text: str, n: int) -> float | None:
    """1 − distinct over all n-grams of one text (seq-rep-n, Welleck et al. 2020, arXiv 1908.04319);
    None of a text without any."""
    distinct = distinct_n([text], n)
    return None if distinct is None else 1 - distinct


@cache
def sentence_words(text: str) -> float:
    """Mean length of a text's sentences in words; 0 without sentences."""
    number = len(sentences(text))
    return len(words(text)) / number if number else 0.0

"""The one measure of texts: words, sentences, paragraphs, lines, phrases, letters, speech and n-grams.

Limits, constraints, tables, baselines and rewards all count with it. Word boundaries are Unicode's (UAX #29,
through ``regex``), sentence boundaries those of ``sentencex``, with the abbreviations of a language that the
script tells. On words rest the measures of diversity: distinct-n of a set of texts, unique n-grams of each,
and the share of repeated n-grams in one text, all in lower case.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice

import regex
import sentencex

# From the first letter or digit to the next boundary.
_WORD = regex.compile(r"(?wsV1)[\p{L}\p{N}].*?\b")
_RUN = re.compile(r"\w+")
# Letters and digits between which a word may end: those behind Arabic, and raised digits.
_DENSE = re.compile(r"[²³¹¼-¾]|[^\W\x00-\u06ff]")
_LONG_WORD = 8  # characters
# A letter or digit that belongs to a longer word; scripts without spaces have no such thing.
_INNER = r"[\w--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
# Scripts whose sentences end otherwise than English ones, and a language of each; sentencex knows the ends of
# Chinese, Arabic, Urdu and Hindi whatever the language.
_SCRIPTS = {"ru": r"\p{Cyrillic}", "el": r"\p{Greek}"}
_LETTER = regex.compile("|".join(f"(?P<{name}>{letter})" for name, letter in _SCRIPTS.items()) + r"|\p{L}")
_SCRIPT_SAMPLE = 200
"""Characters at a text's beginning that tell its script."""

_FOLDED = str.maketrans(
    dict.fromkeys("’‘‛ʼ＇`´", "'") | dict.fromkeys("“”„‟＂", '"') | dict.fromkeys("‐‑", "-") | {"…": "..."}
)
_INVISIBLE = regex.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_TAGS = regex.compile(r"^(?:\[[\p{L} ]{1,20}\][\s:–-]*)+(?=\S)")
_QUOTATION_MARKS = "\"'«»‹›「」『』〝〞〟"

_BULLET = regex.compile(r"[-*•+‣◦▪●○・]\s+[^\s*•+-]")
_NUMBERED = regex.compile(r"[(（]?(\d{1,3}|[一二三四五六七八九十]{1,3})(?:[.)]\s+|[、．）]\s*)\S")
_DIGITS = "一二三四五六七八九"
_CHINESE_NUMBERS = {
    tens + unit: 10 * ten + one
    for ten, tens in enumerate(["", "十", *(f"{digit}十" for digit in _DIGITS[1:])])
    for one, unit in enumerate(["", *_DIGITS])
}
_MARKUP = regex.compile(r"^(?:#{1,6}\s|\||(?:---|\*\*\*|___)\s*$)|\*\*\S|__\S")

_SPEECH = regex.compile(
    # no inches: a digit stands before none of them
    r"""(?<!\d)["＂][^"＂\n]+["＂]|[“”„‟][^“”„‟"\n]+[“”"]|[«»][^«»\n]+[«»]|[‹›][^‹›\n]+[‹›]"""
    r"|「[^」\n]+」|『[^』\n]+』|〝[^〞〟\n]+[〞〟]|‚[^‚‘\n]+[‘’]"
    # ’ is an apostrophe too: it closes where no letter follows, and after a mark if ' or ’ opens
    r"|(?<![\p{L}\p{N}])‘[^\n]*?[^\s‘]’(?![\p{L}\p{N}])"
    r"|(?<![\p{L}\p{N}])['’](?=[\p{L}¿¡])[^\n\"]*?[.,!?…—-]['’](?![\p{L}\p{N}])"
)
# A line that a dash begins; a hyphen begins an item of a list, unless a second one ends the words spoken.
_DASH_SPEECH = regex.compile(r"[—―–]\s*[\p{L}\p{N}¿¡…«“\"]|" r"-\s+.*[.,!?…]\s*[-–—]\s")


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
    """Words by UAX #29: "don't" is one, "well-known" two, a Chinese character or a Thai letter one."""
    return _WORD.findall(text)


def word_ends(text: str) -> Iterator[int]:
    """The index behind each word, in the text's order."""
    return (match.end() for match in _WORD.finditer(text))


def word_count(text: str) -> int:
    """Number of words."""
    return sum(1 for _ in word_ends(text))


@lru_cache(maxsize=8)
def first_word_ends(text: str, number: int) -> list[int]:
    """The index behind each of a text's first words, at most as many as the number."""
    return list(islice(word_ends(text), number))


def has_more_words(text: str, number: int) -> bool:
    """True if a text has more words than a number; it reads no further.

    A run of letters and digits is one word at most in scripts that divide words, and ``re`` counts runs
    quickly: a text that is not clearly too long is mostly known to be short enough by that.
    """
    unclear = len(text) <= _LONG_WORD * number
    if len(text) <= number or (unclear and not _DENSE.search(text) and len(_RUN.findall(text)) <= number):
        return False
    return len(first_word_ends(text, number + 1)) > number


def sentence_ends(text: str) -> list[int]:
    """The index behind each sentence's last character that is no white space."""
    ends, end = [], 0
    for part in sentencex.segment(_language(text), text):
        if _WORD.search(part):
            ends.append(end + len(part.rstrip()))
        end += len(part)
    return ends


def sentences(text: str) -> list[str]:
    """Sentences with at least one letter or digit; a line break in the middle of a paragraph ends none."""
    return [part.strip() for part in sentencex.segment(_language(text), text) if _WORD.search(part)]


def _language(text: str) -> str:
    found = Counter(match.lastgroup or "en" for match in _LETTER.finditer(text[:_SCRIPT_SAMPLE]))
    return found.most_common(1)[0][0] if found else "en"


def paragraphs(text: str) -> list[str]:
    """Parts that blank lines divide."""
    return [part.strip() for part in regex.split(r"\n\s*\n", text) if part.strip()]


def lines(text: str) -> list[str]:
    """Lines that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]


@lru_cache(maxsize=256)
def comparable(text: str) -> str:
    """The form in which texts and phrases are compared: NFC and folded case (Unicode's canonical caseless
    match), straight apostrophes and quotation marks, no invisible characters, one space as white space."""
    visible = regex.sub(r"\p{Cf}", "", unicodedata.normalize("NFC", text)).translate(_FOLDED)
    return " ".join(unicodedata.normalize("NFC", visible.casefold()).split())


def _whole(phrase: str) -> str:
    """Pattern of a phrase in its comparable form, not as a part of longer words."""
    wanted = comparable(phrase)
    before, after = (regex.match(_INNER, wanted[i], regex.V1) for i in (0, -1))
    left, right = f"(?<!{_INNER})" if before else "", f"(?!{_INNER})" if after else ""
    return f"{left}{regex.escape(wanted)}{right}"


def occurrences(text: str, phrase: str) -> int:
    """Count a phrase, in the form of ``comparable``, as whole words."""
    return len(regex.findall(_whole(phrase), comparable(text), regex.V1))


def begins_with(text: str, phrase: str, skipped: str = rf"[{_QUOTATION_MARKS}]") -> bool:
    """True if a text begins with a phrase, as whole words.

    Args:
        skipped: pattern of the characters that may stand before it; quotation marks, by default.
    """
    return regex.match(f"{skipped}*{_whole(phrase)}", comparable(text), regex.V1) is not None


def ends_with(text: str, phrase: str) -> bool:
    """True if a text ends with a phrase, as whole words; closing quotation marks may follow."""
    pattern = rf"{_whole(phrase)}[{_QUOTATION_MARKS}\s]*\Z"
    return regex.search(pattern, comparable(text), regex.V1) is not None


def commas(text: str) -> int:
    """Count commas of any script: the punctuation that Unicode calls a comma."""
    return sum(
        unicodedata.category(character) == "Po" and "COMMA" in unicodedata.name(character, "")
        for character in text
    )


def letters(text: str, letter: str) -> int:
    """Count a letter, whatever its case: "ß" is no "s"."""
    wanted = _folded_letter(letter)
    return sum(_folded_letter(character) == wanted for character in unicodedata.normalize("NFC", text))


def _folded_letter(letter: str) -> str:
    folded = letter.casefold()
    return folded if len(folded) == 1 else letter.lower()


def initial(text: str) -> str:
    """The first letter or digit, in lower case and without its accent; empty if there is none."""
    first = next((character for character in text if character.isalnum()), "")
    return unicodedata.normalize("NFD", first)[:1].lower()


def list_items(text: str) -> int:
    """Count lines that begin as an item of a list: ``- ``, ``* ``, ``1. ``, ``一、``.

    The numbers of items count up from 1, so a line that begins with a year is none. A line of dialogue that
    a hyphen begins is none.
    """
    return sum(_are_items(lines(text)))


def _are_items(written: Sequence[str]) -> list[bool]:
    numbers, items = {0}, []
    for line in written:
        found = _NUMBERED.match(line)
        number = None if found is None else _number(found[1])
        counted = number is not None and {number, number - 1} & numbers != set()
        if counted and number is not None:
            numbers.add(number)
        items.append(counted or bool(_BULLET.match(line) and not _DASH_SPEECH.match(line)))
    return items


def _number(numeral: str) -> int | None:
    return int(numeral) if numeral.isdecimal() else _CHINESE_NUMBERS.get(numeral)


def speeches(text: str) -> int:
    """Count passages of direct speech within a line: in quotation marks, or behind the dash of a line."""
    return sum(len(_SPEECH.findall(line)) or bool(_DASH_SPEECH.match(line)) for line in lines(text))


def formatted_share(text: str) -> float | None:
    """Share of the lines that hold Markdown: headers, list items, tables, rules or bold text.

    None of a text without lines.
    """
    written = lines(text)
    marked = [
        item or bool(_MARKUP.search(line)) for item, line in zip(_are_items(written), written, strict=True)
    ]
    return sum(marked) / len(marked) if marked else None


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
    return word_count(text) / number if number else 0.0

"""Formats of answers by judges that this workflow did not train, and that were taught another last line.

Each is read to the better story or to scores, in the order shown. Where an answer says several, the last one
counts: an instruction that a judge repeats stands before its verdict. Judges that a run trains keep the
strict form (``verdict.written_scores``), by which their reward is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from numbers import Real
from pathlib import Path
from typing import Any, Literal, get_args

import regex

from rlcs.errors import InputError
from rlcs.plugins import READ, load_function
from rlcs.records import Label, Reads

NamedFormat = Literal["scores", "loose_scores", "letter", "json"]
ANSWER_FORMATS: tuple[NamedFormat, ...] = get_args(NamedFormat)
STRICT = "scores"
AnswerFormat = str | Path
"""A name of ``ANSWER_FORMATS``, a pattern, or a plug-in's file with the function ``read``."""

Said = Label | tuple[float, ...]
"""The better story, a for the one shown first; or the scores of the stories, in the order shown."""

SECONDS = 2.0
"""Time within which a pattern must have searched an answer; a good one takes milliseconds."""

_WINNERS: Mapping[str, Label] = {
    **dict.fromkeys(("a", "1", "first", "a>b", "a>>b", "b<a", "b<<a"), "a"),
    **dict.fromkeys(("b", "2", "second", "b>a", "b>>a", "a<b", "a<<b"), "b"),
    **dict.fromkeys(("c", "tie", "tied", "draw", "equal", "a=b", "b=a"), "tie"),
}
_NOUN = regex.compile(r"(?:the )?(?:story|text|response|assistant|answer|model|option) ", regex.IGNORECASE)
_NUMBER = r"[0-9]{1,3}(?:\.[0-9]{1,4})?"
_LOOSE = regex.compile(
    r"[*_#>` ]*(?:final |overall )?scores?[*_ ]*:[*_` ]*[\[(]?"
    rf"(?P<one>{_NUMBER})(?:[*_]*(?: *[,;|&] *| +and +| +)[*_]*(?P<two>{_NUMBER}))?[\])]?[*_`. ]*",
    regex.IGNORECASE,
)
_CHOICE = r"(?P<winner>A|B|C|TIE|[AB] ?[<>=]{1,2} ?[AB])"
_LETTER = regex.compile(
    rf"\[\[ *{_CHOICE} *\]\]"
    rf"|<answer>\s*{_CHOICE}\s*</answer>"
    r"|^[*_#> ]*(?:(?:my |the )?final )?(?:verdict|answer|winner|choice)[*_ ]*:"
    rf"[*_ ]*(?:story )?{_CHOICE}[*_. ]*$",
    regex.IGNORECASE | regex.MULTILINE,
)
GROUPS: Mapping[Reads, tuple[frozenset[str], ...]] = {
    "pair": (frozenset({"winner"}), frozenset({"score_1", "score_2"})),
    "story": (frozenset({"score"}),),
}
"""Sets of names, of which a pattern's groups or a JSON object's keys must have one, by what a judge reads."""


def check_format(answer: str, reads: Reads) -> None:
    """Check that an answer's format is a name, or a pattern with the groups that say a verdict.

    Raises:
        ValueError: it is neither, or says nothing about what the judge reads.
    """
    if answer in ANSWER_FORMATS:
        if answer == "letter" and reads == "story":
            raise ValueError("answer: letter names the better of two stories, but reads is story")
        return
    try:
        groups = _compiled(answer).groupindex.keys()
    except regex.error as error:
        raise ValueError(
            f"answer {answer!r} is none of {', '.join(ANSWER_FORMATS)}, and no regular expression: {error}"
        ) from None
    if not any(names <= groups for names in GROUPS[reads]):
        needed = " or ".join(
            " and ".join(f"(?P<{name}>…)" for name in sorted(names)) for names in GROUPS[reads]
        )
        raise ValueError(
            f"answer {answer!r} is none of {', '.join(ANSWER_FORMATS)}, and as a pattern for reads: {reads} "
            f"it needs {needed}"
        )


def describe_format(answer: AnswerFormat, reads: Reads) -> str:
    """Describe the answer that the format asks for, for messages."""
    if isinstance(answer, Path):
        return f"what read(text) of {answer} reads"
    numbers = "X Y" if reads == "pair" else "X"
    word = "Scores" if reads == "pair" else "Score"
    known = {
        "scores": f"a last line {word}: {numbers} of integers",
        "loose_scores": f"a last line such as **{word}: {numbers.replace(' ', ', ')}**",
        "letter": "[[A]], [[B]] or [[C]] for a tie; or <answer>A</answer>; or a line Verdict: A",
        "json": '{"winner": "A"} or {"score_1": X, "score_2": Y}' if reads == "pair" else '{"score": X}',
    }
    return known.get(answer, f"a match of {answer!r}")


def parse_answer(text: str, answer: AnswerFormat, reads: Reads) -> Said | None:
    """Read an answer in a format other than the strict one; None if it cannot be read.

    Raises:
        InputError: a pattern takes longer than ``SECONDS`` to search the text, or a plug-in raises an
            error or returns no mapping.
    """
    if isinstance(answer, Path):
        return _said(_read_by_file(text, answer, reads), reads)
    if answer == "loose_scores":
        match = _LOOSE.fullmatch(text.rstrip().rsplit("\n", 1)[-1].strip())
        if match is None or (match["two"] is None) != (reads == "story"):
            return None
        return tuple(float(number) for number in match.group("one", "two") if number is not None)
    if answer == "letter":
        return _said(_last_match(_LETTER, text), reads)
    return _said(
        _last_object(text, reads) if answer == "json" else _last_match(_compiled(answer), text), reads
    )


def _read_by_file(text: str, file: Path, reads: Reads) -> Mapping[str, Any]:
    function = load_function(file, READ)
    said = function(text)
    if said is None:
        return {}
    if not isinstance(said, Mapping) or not any(names <= said.keys() for names in GROUPS[reads]):
        needed = " or ".join(" and ".join(sorted(names)) for names in GROUPS[reads])
        raise InputError(
            f"{file}: read returned {said!r:.200}; with reads: {reads} it must return a mapping with "
            f"{needed}, or None"
        )
    return {
        name: round(function.finite(value, name), 4)
        if isinstance(value, Real) and name != "winner"
        else value
        for name, value in said.items()
    }


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern, regex.MULTILINE)


def _last_match(pattern: regex.Pattern[str], text: str) -> Mapping[str, str | None]:
    """The named groups of the last match; empty if there is none."""
    try:
        found = [match.groupdict() for match in pattern.finditer(text, timeout=SECONDS)]
    except TimeoutError:
        raise InputError(
            f"the pattern {pattern.pattern!r} of a judge's answer needs more than {SECONDS:g} s for "
            f"{len(text)} characters: it may repeat a repetition, as in (a+)+; write it without"
        ) from None
    return found[-1] if found else {}


def _last_object(text: str, reads: Reads) -> Mapping[str, Any]:
    """The last JSON object in a text with the keys of a verdict; an object in such a one does not count."""
    decoder, last = json.JSONDecoder(), dict[str, Any]()
    start = text.find("{")
    while start >= 0:
        end = start + 1
        try:
            value, after = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and any(names <= value.keys() for names in GROUPS[reads]):
            last, end = value, after
        start = text.find("{", end)
    return last


def _said(values: Mapping[str, Any], reads: Reads) -> Said | None:
    """Read named values: the winner, if one is named, else the scores."""
    if reads == "pair" and values.get("winner") is not None:
        return _WINNERS.get(_NOUN.sub("", str(values["winner"])).replace(" ", "").strip("[]*.").lower())
    scores = [values.get(name) for name in (("score_1", "score_2") if reads == "pair" else ("score",))]
    numbers = [str(score).strip() for score in scores]
    if any(regex.fullmatch(_NUMBER, number) is None for number in numbers):
        return None
    return tuple(map(float, numbers))

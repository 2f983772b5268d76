"""Answers of a GenRM: an analysis, then a last line ``Scores: X Y`` for the first and the second story shown.

A judge that reads one story ends in ``Score: X``. The parser is strict and reads from the end: the last line
that is not blank must be the score line, whole, with integers in range. Anything else is no verdict. Design
choice: a lenient parser rewards rambling.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import TypeVar

from rlcs.answer_formats import STRICT, AnswerFormat, parse_answer
from rlcs.records import Comparison, Judgement, Label, Reads, Verdict

_Side = TypeVar("_Side", Label, Verdict)
_SWAPPED = {"a": "b", "b": "a"}

_NUMBER = "(0|[1-9][0-9]{0,2})"
_SCORE_LINE = re.compile(f"Scores: {_NUMBER} {_NUMBER}|Score: {_NUMBER}")


def score_line(*scores: int) -> str:
    """The line that ``written_scores`` reads, for the scores of two stories in the order shown, or of one."""
    return f"{'Score' if len(scores) == 1 else 'Scores'}: {' '.join(map(str, scores))}"


def last_line(text: str) -> str:
    """The last line that is not blank."""
    return text.rstrip().rsplit("\n", 1)[-1].strip()


def parse_scores(text: str, low: int, high: int) -> tuple[int, int] | None:
    """Scores of the first and the second story shown; None if the last line is no valid one of two scores."""
    scores = written_scores(text, low, high)
    return (scores[0], scores[1]) if scores is not None and len(scores) == 2 else None


def parse_score(text: str, low: int, high: int) -> int | None:
    """Score of the only story shown; None if the last line is no valid one of one score."""
    scores = written_scores(text, low, high)
    return scores[0] if scores is not None and len(scores) == 1 else None


def written_scores(text: str, low: int, high: int) -> tuple[int, ...] | None:
    """The one or two scores in the last line; None if that is no valid score line."""
    match = _SCORE_LINE.fullmatch(last_line(text))
    if match is None:
        return None
    scores = tuple(int(number) for number in match.groups() if number is not None)
    return scores if all(low <= score <= high for score in scores) else None


def read_scores(
    text: str, low: int, high: int, answer: AnswerFormat, reads: Reads
) -> tuple[float, ...] | Label | None:
    """The scores of the stories shown, or the better one, by the format of an answer (``answer_formats``).

    Returns:
        None if it cannot be read, or if a score is out of range.
    """
    if answer == STRICT:
        return parse_scores(text, low, high) if reads == "pair" else _single(parse_score(text, low, high))
    said = parse_answer(text, answer, reads)
    return said if isinstance(said, str | None) or all(low <= score <= high for score in said) else None


def _single(score: int | None) -> tuple[int] | None:
    return None if score is None else (score,)


def parse_analysis(text: str) -> str:
    """The text before the last line."""
    head, _, _ = text.rstrip().rpartition("\n")
    return head.strip()


def with_scores(text: str, *scores: int) -> str:
    """The text with its last line replaced by a score line."""
    head, newline, _ = text.rstrip().rpartition("\n")
    return f"{head}{newline}{score_line(*scores)}"


def label_scores(label: Label, low: int, high: int) -> tuple[int, int]:
    """Scores of stories a and b that agree with a label and differ as little as the range allows.

    Design choice: a point above and a point below the middle, or the middle twice for a tie. The first score
    then decides, and neither says more than the label.
    """
    middle = (low + high) // 2
    more, less = min(middle + 1, high), max(middle - 1, low)
    return {"a": (more, less), "b": (less, more), "tie": (middle, middle)}[label]


def compare(score_a: float, score_b: float) -> Verdict:
    """The verdict that the order of two scores gives; equal scores are a tie."""
    if score_a == score_b:
        return "tie"
    return "a" if score_a > score_b else "b"


def swapped(label: _Side) -> _Side:
    """The label or the verdict of the same pair with a and b exchanged."""
    return _SWAPPED.get(label, label)  # type: ignore[return-value]


def read_judgement(
    comparison: Comparison,
    judge: str,
    raw: str,
    tokens: int,
    low: int,
    high: int,
    *,
    truncated: bool = False,
    answer: AnswerFormat = STRICT,
) -> Judgement:
    """Read a judge's raw text as a judgement, un-swapped; the verdict is ``none`` if it cannot be read.

    A truncated text is not read: "Scores: 9 10" may have lost its last digit.

    Args:
        answer: format of the text (``answer_formats``). Only the strict one tells where an analysis ends.
    """
    scores = None if truncated else read_scores(raw, low, high, answer, "pair")
    unread = Judgement(comparison.pair_id, comparison.order, judge, "none", tokens, raw, truncated=truncated)
    if scores is None:
        return unread
    if isinstance(scores, str):
        return replace(unread, verdict=scores if comparison.order == "ab" else swapped(scores))
    score_a, score_b = scores if comparison.order == "ab" else (scores[1], scores[0])
    return Judgement(
        pair_id=comparison.pair_id,
        order=comparison.order,
        judge=judge,
        verdict=compare(score_a, score_b),
        tokens=tokens,
        raw=raw,
        analysis=parse_analysis(raw) if answer == STRICT else None,
        score_a=score_a,
        score_b=score_b,
    )


WIN_CREDIT: dict[Verdict, float] = {"a": 1.0, "b": 0.0, "tie": 0.5}


def win_probability(verdicts: Sequence[Verdict]) -> float | None:
    """p(a beats b), the mean over verdicts of 1 (a), 0 (b) and ½ (tie); None if every verdict is ``none``.

    Two contradictory orders, a and b, give ½.
    """
    credits = [WIN_CREDIT[verdict] for verdict in verdicts if verdict != "none"]
    return fmean(credits) if credits else None


def count_votes(votes: Sequence[Judgement]) -> Judgement:
    """Combine several answers to one comparison into one judgement.

    The verdict is the majority's, and p(a beats b) is the share of votes for a, where a tie is half a vote.
    Answers that cannot be read do not vote; if none votes, the verdict is ``none``, and truncated if one of
    them was. Scores are the votes' means, tokens the sum over all answers. ``raw`` and the analysis are those
    of the first answer with the majority's verdict, since a chain to learn from is one answer; if no answer
    has it, ``raw`` is the first vote's.
    """
    first = votes[0]
    tokens = sum(vote.tokens for vote in votes)
    reasoning = sum(vote.reasoning_tokens or 0 for vote in votes) or None
    voting = [vote for vote in votes if vote.verdict != "none"]
    share = win_probability([vote.verdict for vote in voting])
    if share is None:
        return Judgement(
            first.pair_id,
            first.order,
            first.judge,
            "none",
            tokens,
            first.raw,
            truncated=any(vote.truncated for vote in votes),
            reasoning_tokens=reasoning,
        )
    verdict = compare(share, 0.5)
    representative = next((vote for vote in voting if vote.verdict == verdict), None)
    return Judgement(
        pair_id=first.pair_id,
        order=first.order,
        judge=first.judge,
        verdict=verdict,
        tokens=tokens,
        raw=(representative or voting[0]).raw,
        analysis=representative.analysis if representative else None,
        score_a=_mean([vote.score_a for vote in voting]),
        score_b=_mean([vote.score_b for vote in voting]),
        p_a=share,
        reasoning_tokens=reasoning,
    )


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None


def by_majority(judgements: Sequence[Judgement], votes: int) -> list[Judgement]:
    """Combine every ``votes`` consecutive judgements into one; with 1 vote they stay as they are."""
    if votes == 1:
        return list(judgements)
    return [count_votes(judgements[start : start + votes]) for start in range(0, len(judgements), votes)]


def orders_disagree(verdicts: Sequence[Verdict]) -> bool:
    """True if the un-swapped verdicts of a pair's orders differ; a tie and a win differ, two ties do not.

    A verdict ``none`` is no verdict, and differs from none. This is position inconsistency as MT-Bench counts
    it (arXiv 2306.05685), and what the consistency filter drops.
    """
    return len(set(verdicts) - {"none"}) > 1


def soft_win_probability(judgements: Sequence[Judgement]) -> float | None:
    """p(a beats b) like ``win_probability``, with the judge's own p(a beats b) for a verdict that has one."""
    credits = [
        WIN_CREDIT[judgement.verdict] if judgement.p_a is None else judgement.p_a
        for judgement in judgements
        if judgement.verdict != "none"
    ]
    return fmean(credits) if credits else None


def credit(verdict: Verdict, label: Label) -> float | None:
    """Credit of a verdict: 1 for the label, 0 for the other, ½ for a tie.

    None if the verdict is ``none`` or the label a tie.
    """
    if verdict == "none" or label == "tie":
        return None
    return 0.5 if verdict == "tie" else float(verdict == label)

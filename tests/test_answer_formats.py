"""Answers of judges from elsewhere: what each format reads, and what it leaves unread."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_files import plugin
from rlcs.answer_formats import ANSWER_FORMATS, check_format, describe_format, parse_answer
from rlcs.errors import InputError
from rlcs.records import ORDERS, Comparison, Context
from rlcs.verdict import count_votes, read_judgement, read_scores

CONTEXT = Context("c", "story", "", "", "", (), "test")
WORDS = r"Better: (?P<winner>\w+)"
TWO = r"(?P<score_1>\d+) to (?P<score_2>\d+)"
CASES = [
    ("loose_scores", "Good.\n**Scores: 8 3**", (8, 3)),
    ("loose_scores", "Scores: 8.5, 3", (8.5, 3)),
    ("loose_scores", "### Final scores: **8** and **3**.", (8, 3)),
    ("loose_scores", "scores: [8, 3]\n\n", (8, 3)),
    ("loose_scores", "Scores: 8 3", (8, 3)),
    ("loose_scores", "Scores: 8", None),
    ("loose_scores", "Scores: 8 3 2", None),
    ("loose_scores", "Scores: 8/10 3/10", None),  # which numbers are scores?
    ("loose_scores", "Scores: 8 3\nI am not sure.", None),
    ("loose_scores", "Scores: 8 11", None),
    ("letter", "The first is dull. [[B]]", "b"),
    ("letter", "My final verdict is tie: [[A=B]]", "tie"),
    ("letter", "[[A>>B]]", "a"),
    ("letter", "[[B > A]]", "b"),
    ("letter", "[[C]]", "tie"),
    ("letter", '"[[A]]" if the first is better, you said: [[B]]', "b"),
    ("letter", "<think>x</think><answer>B</answer>", "b"),
    ("letter", "<answer>\nA\n</answer>", "a"),
    ("letter", "**Verdict: A**", "a"),
    ("letter", "Final answer: B.", "b"),
    ("letter", "Winner: Story B", "b"),
    ("letter", "Verdict: Alice wins", None),
    ("letter", "A is better.", None),
    ("letter", "[[D]]", None),
    ("json", '```json\n{"winner": "A"}\n```', "a"),
    ("json", '{"winner": "Story 2", "why": "a } in {text}"}', "b"),
    ("json", '{"winner": "tie"}', "tie"),
    ("json", '{"winner": 2}', "b"),
    ("json", '{"score_1": 8, "score_2": 3.5}', (8, 3.5)),
    ("json", '{"score_1": "8", "score_2": "3"}', (8, 3)),
    ("json", '{"winner": null, "score_1": 8, "score_2": 3}', (8, 3)),
    ("json", 'Form: {"winner": "A"}. Mine: {"verdict": {"winner": "B"}}', "b"),
    ("json", '{"winner": "A", "criteria": {"winner": "B"}}', "a"),
    ("json", '{"winner": "neither"}', None),
    ("json", '{"winner": "A"', None),
    ("json", '{"score_1": true, "score_2": 3}', None),
    ("json", '{"score_1": NaN, "score_2": 3}', None),
    ("json", '{"score_1": 8}', None),
    ("json", '{"score_1": 99, "score_2": 3}', None),
    ("json", '{"a":' * 5000, None),
    (WORDS, "Better: first\nBetter: the second", None),
    (WORDS, "Better: first\nBetter: second", "b"),
    (TWO, "It is 3 to 8", (3, 8)),
    (TWO, "It is 3 to 800", None),
    ("scores", "Scores: 8 3", (8, 3)),
    ("scores", "**Scores: 8 3**", None),
]


@pytest.mark.parametrize(("answer", "text", "expected"), CASES)
def test_what_a_format_reads(answer, text, expected):
    assert read_scores(text, 1, 10, answer, "pair") == expected


@pytest.mark.parametrize(
    ("answer", "text", "expected"),
    [
        ("scores", "Score: 7", (7,)),
        ("scores", "Scores: 7 3", None),
        ("loose_scores", "**Score: 7.5**", (7.5,)),
        ("loose_scores", "Scores: 7, 3", None),
        ("json", '{"score": 7}', (7,)),
        ("json", '{"winner": "A"}', None),
        (r"Rating: \[\[(?P<score>\d+)\]\]", "Rating: [[7]]", (7,)),
    ],
)
def test_what_a_format_reads_of_one_story(answer, text, expected):
    assert read_scores(text, 1, 10, answer, "story") == expected


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("answer", "text", "expected"), CASES)
def test_a_judgement_is_turned_back_to_the_pair(answer, text, expected, order):
    judgement = read_judgement(Comparison("p", CONTEXT, "x", "y", order), "j", text, 7, 1, 10, answer=answer)
    first = expected if isinstance(expected, str | None) else "ab"[expected[0] < expected[1]]
    turned = {"a": "b", "b": "a"}.get(first, first) if order == "ba" else first
    assert judgement.verdict == (turned or "none")
    assert (judgement.score_a is None) == isinstance(expected, str | None)
    assert judgement.raw == text


@given(st.sampled_from([*ANSWER_FORMATS[1:], WORDS, TWO]), st.text())
def test_any_text_is_read_or_unread_and_raises_nothing(answer, text):
    parse_answer(text, answer, "pair")


@given(st.text(), st.sampled_from(["A", "B", "tie"]))
def test_the_last_object_counts_whatever_stands_before_it(text, winner):
    said = json.dumps({"winner": winner})
    assert parse_answer(f"{text}\n{said}", "json", "pair") == winner.lower()


def test_a_truncated_answer_is_unread_in_every_format():
    comparison = Comparison("p", CONTEXT, "x", "y", "ab")
    assert (
        read_judgement(comparison, "j", "[[A]]", 7, 1, 10, truncated=True, answer="letter").verdict == "none"
    )


def test_votes_without_scores_are_counted():
    comparison = Comparison("p", CONTEXT, "x", "y", "ab")
    votes = [
        read_judgement(comparison, "j", text, 7, 1, 10, answer="letter")
        for text in ("[[A]]", "[[B]]", "[[A]]", "?")
    ]
    counted = count_votes(votes)
    assert (counted.verdict, counted.score_a, counted.p_a) == ("a", None, pytest.approx(2 / 3))


def test_a_pattern_that_backtracks_ends_in_a_message(monkeypatch):
    monkeypatch.setattr("rlcs.answer_formats.SECONDS", 0.05)
    with pytest.raises(
        InputError, match=r"'\^\(a\|a\)\+b\(\?P<winner>A\)' of a judge's answer needs more than"
    ):
        parse_answer("a" * 400 + "!", "^(a|a)+b(?P<winner>A)", "pair")


@pytest.mark.parametrize("answer", [*ANSWER_FORMATS[1:]])
def test_long_answers_end(answer):
    """Runs of what a format's own pattern repeats, for which a bad pattern would take years."""
    for unit in ("*", " ", "{", '{"winner":', "[[A", "Scores: 8 ", "verdict: "):
        parse_answer(unit * (40_000 // len(unit)), answer, "pair")


@pytest.mark.parametrize(
    ("answer", "reads", "message"),
    [
        ("leter", "pair", "answer 'leter' is none of scores, loose_scores, letter, json, and as a pattern"),
        ("(?P<winner>", "pair", "no regular expression: "),
        ("(?P<score_1>.)", "pair", r"needs \(\?P<winner>…\) or \(\?P<score_1>…\) and \(\?P<score_2>…\)"),
        ("(?P<winner>.)", "story", r"for reads: story it needs \(\?P<score>…\)"),
        ("letter", "story", "names the better of two stories"),
    ],
)
def test_a_format_that_says_no_verdict_is_refused(answer, reads, message):
    with pytest.raises(ValueError, match=message):
        check_format(answer, reads)


def test_every_format_is_described():
    assert all(describe_format(answer, "pair") for answer in [*ANSWER_FORMATS, WORDS])


@pytest.mark.parametrize(
    ("returned", "reads", "expected"),
    [
        ("{'winner': 'first'}", "pair", "a"),
        ("{'winner': 2}", "pair", "b"),
        ("{'winner': 'no idea'}", "pair", None),
        ("{'score_1': 7.123456, 'score_2': '3'}", "pair", (7.1235, 3.0)),
        ("{'score_1': 11, 'score_2': 3}", "pair", None),
        ("{'score': 4}", "story", (4.0,)),
        ("None", "pair", None),
    ],
)
def test_a_file_says_what_a_patterns_groups_would(tmp_path, returned, reads, expected):
    file = plugin(tmp_path, f"def read(text):\n    return {returned}\n")
    assert read_scores("any", 1, 10, file, reads) == expected
    assert describe_format(file, reads) == f"what read(text) of {file} reads"


@pytest.mark.parametrize(
    ("returned", "reads", "message"),
    [
        (
            "'A'",
            "pair",
            "read returned 'A'; with reads: pair it must return a mapping with winner or score_1 and",
        ),
        ("{'winner': 'A'}", "story", "with reads: story it must return a mapping with score, or None"),
        ("{'score': float('nan')}", "story", "read returned nan at score, which is no finite number"),
        ("text.nothing", "pair", "read raises AttributeError"),
    ],
)
def test_a_file_that_says_something_else_is_named(tmp_path, returned, reads, message):
    file = plugin(tmp_path, f"def read(text):\n    return {returned}\n")
    with pytest.raises(InputError, match=message) as error:
        read_scores("any", 1, 10, file, reads)
    assert str(error.value).startswith(f"{file}: ")

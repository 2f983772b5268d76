import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.records import Comparison, Context
from rlcs.verdict import (
    compare,
    count_votes,
    label_scores,
    parse_analysis,
    parse_score,
    parse_scores,
    read_judgement,
    score_line,
    swapped,
    with_scores,
    written_scores,
)

CONTEXT = Context("c", "story", "", "", "", (), "test")
scores = st.integers(1, 10)


def read(raw, order="ab"):
    return read_judgement(Comparison("p", CONTEXT, "x", "y", order), "j", raw, 7, 1, 10)


@given(st.text(), scores, scores)
def test_what_is_written_is_read(analysis, first, second):
    raw = f"{analysis}\n{score_line(first, second)}"
    assert parse_scores(raw, 1, 10) == (first, second)
    assert parse_analysis(raw) == analysis.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Scores: 3 4", (3, 4)),
        ("Good.\nScores: 3 4", (3, 4)),
        ("Good.\nScores: 3 4\n\n  ", (3, 4)),
        ("Good.\r\nScores: 3 4\r\n", (3, 4)),
        ("Scores: 9 1\nScores: 3 4", (3, 4)),
        ("Scores: 10 1", (10, 1)),
        ("", None),
        ("Good.", None),
        ("Scores: 3 4 ...", None),
        ("Scores: 3 4.", None),
        ("Scores: 3 4\nso I prefer A", None),
        ("So Scores: 3 4", None),
        ("scores: 3 4", None),
        ("Scores: 3", None),
        ("Scores: 3 4 5", None),
        ("Scores: 3, 4", None),
        ("Scores: 3  4", None),
        ("Scores:\n3 4", None),
        ("Scores: 3\n4", None),
        ("Scores: 3.5 4", None),
        ("Scores: -3 4", None),
        ("Scores: 0 4", None),
        ("Scores: 3 11", None),
        ("Scores: 9999 4", None),
        ("Scores: 03 4", None),
        ("Scores: ٣ ٤", None),
        ("Scores: 3\x0b4", None),
        ("Good.\x0bScores: 3 4", None),
        ("Good.\u2028Scores: 3 4", None),
        ("[[A]]", None),
        ("<answer>Scores: 3 4</answer>", None),
    ],
)
def test_strict_parser(text, expected):
    assert parse_scores(text, 1, 10) == expected


@given(st.text(), scores)
def test_one_score_is_read_and_is_no_pair(analysis, score):
    raw = f"{analysis}\n{score_line(score)}"
    assert parse_score(raw, 1, 10) == score
    assert parse_scores(raw, 1, 10) is None
    assert written_scores(raw, 1, 10) == (score,)
    assert with_scores(raw, 3) == f"{raw.rstrip().rpartition(chr(10))[0]}\nScore: 3"


@pytest.mark.parametrize(
    "text", ["Scores: 3 4", "Scores: 3", "Score: 3 4", "Score: 11", "Score: 0", "Score: 03", "Score: 3.", ""]
)
def test_other_lines_have_no_single_score(text):
    assert parse_score(f"Good.\n{text}", 1, 10) is None


@given(st.text())
def test_other_text_has_no_scores(text):
    assert parse_scores(text, 1, 10) is None
    assert parse_scores(f"Scores: 3 4\n{text}x", 1, 10) is None


@given(st.text(), scores, scores)
def test_unswapping(analysis, first, second):
    raw = f"{analysis}\n{score_line(first, second)}"
    ab, ba = read(raw), read(raw, "ba")
    assert (ab.score_a, ab.score_b) == (first, second)
    assert (ba.score_a, ba.score_b) == (second, first)
    assert ab.verdict == compare(first, second)
    assert {ab.verdict, ba.verdict} in ({"a", "b"}, {"tie"})
    assert (ba.order, ba.pair_id, ba.judge, ba.tokens, ba.raw) == ("ba", "p", "j", 7, raw)


def test_what_cannot_be_read_is_none_and_kept_as_raw_text():
    judgement = read("I like the first.\nScores: 11 2")
    assert judgement.verdict == "none"
    assert judgement.raw == "I like the first.\nScores: 11 2"
    assert judgement.score_a is judgement.score_b is judgement.p_a is judgement.analysis is None


def test_comparison_shows_the_stories_in_its_order():
    ab, ba = (Comparison("p", CONTEXT, "x", "y", order) for order in ("ab", "ba"))
    assert (ab.first, ab.second) == (ba.second, ba.first) == ("x", "y")


def test_a_text_that_was_cut_off_is_not_read():
    comparison = Comparison("p", CONTEXT, "x", "y", "ab")
    whole = read_judgement(comparison, "j", "Scores: 9 1", 7, 1, 10)
    cut = read_judgement(comparison, "j", "Scores: 9 1", 7, 1, 10, truncated=True)
    assert (whole.verdict, cut.verdict, cut.raw) == ("a", "none", "Scores: 9 1")
    unread = read_judgement(comparison, "j", "so so", 7, 1, 10)
    assert (whole.truncated, cut.truncated, unread.truncated) == (False, True, False)
    assert (count_votes([unread, cut]).truncated, count_votes([whole, cut]).truncated) == (True, False)


def vote(*lines, order="ab"):
    return [read(line, order) for line in lines]


@pytest.mark.parametrize(
    ("lines", "verdict", "p_a", "raw"),
    [
        (["Scores: 9 1", "Scores: 8 1", "Scores: 1 4"], "a", 2 / 3, "Scores: 9 1"),
        (["Scores: 5 5", "Scores: 9 1"], "a", 3 / 4, "Scores: 9 1"),
        (["Scores: 9 1", "Scores: 1 9", "so so"], "tie", 1 / 2, "Scores: 9 1"),
        (["Scores: 5 5", "so so"], "tie", 1 / 2, "Scores: 5 5"),
        (["so so", "Scores: 1 9", "so so"], "b", 0, "Scores: 1 9"),
        (["so so", "no"], "none", None, "so so"),
    ],
)
def test_votes_are_counted(lines, verdict, p_a, raw):
    counted = count_votes(vote(*lines))
    assert (counted.verdict, counted.p_a) == (verdict, pytest.approx(p_a) if p_a is not None else None)
    assert counted.tokens == 7 * len(lines)
    assert counted.raw == raw
    assert (counted.score_a is None) == (verdict == "none")


def test_votes_are_un_swapped_and_the_analysis_is_one_of_the_majority():
    votes = vote("good\nScores: 9 1", "bad\nScores: 2 6", "dull\nScores: 1 7", order="ba")
    counted = count_votes(votes)
    assert (counted.verdict, counted.order, counted.analysis) == ("a", "ba", "bad")
    assert (counted.score_a, counted.score_b) == (pytest.approx(14 / 3), pytest.approx(4))


@given(st.text(), scores, scores, scores, scores)
def test_scores_are_replaced_and_the_analysis_stays(analysis, first, second, new_first, new_second):
    text = with_scores(f"{analysis}\n{score_line(first, second)}", new_first, new_second)
    assert parse_scores(text, 1, 10) == (new_first, new_second)
    assert parse_analysis(text) == analysis.strip()


def test_an_answer_without_an_analysis_becomes_a_score_line():
    assert with_scores("Scores: 3 4", 6, 4) == "Scores: 6 4"
    assert with_scores("", 6, 4) == "Scores: 6 4"


@given(st.integers(0, 50), st.integers(1, 50))
def test_the_scores_of_a_label_are_in_range_and_agree_with_it(low, width):
    high = low + width
    for label in ("a", "b", "tie"):
        pair = label_scores(label, low, high)
        assert all(low <= score <= high for score in pair)
        assert compare(*pair) == label
        assert label_scores(swapped(label), low, high) == pair[::-1]
        assert abs(pair[0] - pair[1]) <= 2


def test_the_usual_scores_of_a_label():
    assert [label_scores(label, 1, 9) for label in ("a", "b", "tie")] == [(6, 4), (4, 6), (5, 5)]
    assert [label_scores(label, 0, 1) for label in ("a", "b", "tie")] == [(1, 0), (0, 1), (0, 0)]

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.text import (
    distinct_n,
    formatted_share,
    lines,
    repeated_ngram_share,
    sentence_ends,
    sentences,
    unique_ngram_shares,
    word_ends,
    words,
)

stories = st.lists(st.sampled_from(["the", "dragon", "don't", "sleeps"]), max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("texts", "n", "expected"),
    [
        (["a b c"], 1, 1),
        (["a b", "A, b!"], 1, 0.5),
        (["a b", "a b"], 2, 0.5),
        (["a a a a"], 2, 1 / 3),
        (["a b", "b a"], 2, 1),  # no n-gram goes over the end of a story
        (["a"], 2, None),
        (["...", ""], 1, None),
        ([], 1, None),
    ],
)
def test_distinct_n(texts, n, expected):
    assert distinct_n(texts, n) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "n", "expected"),
    [("a b c d", 2, 0), ("a b a b a", 2, 0.5), ("so so so so", 1, 0.75), ("a b", 3, None)],
)
def test_repeated_ngram_share(text, n, expected):
    assert repeated_ngram_share(text, n) == expected


@given(st.lists(stories, min_size=1), st.integers(1, 4))
def test_copies_add_no_diversity(texts, n):
    once, twice = distinct_n(texts, n), distinct_n(texts * 2, n)
    assert (once is None) == (twice is None)
    if once is not None:
        assert 0 < twice == pytest.approx(once / 2)


@pytest.mark.parametrize(
    ("texts", "n", "expected"),
    [
        (["a b c", "a b d"], 2, [0.5, 0.5]),
        (["a b", "A, b!"], 1, [0, 0]),
        (["a a b", "b"], 1, [0.5, 0]),  # each n-gram counts once in a text
        (["a b", "b a"], 2, [1, 1]),
        (["a b", "c", ""], 2, [1, None, None]),
        ([], 1, []),
    ],
)
def test_unique_ngram_shares(texts, n, expected):
    assert unique_ngram_shares(texts, n) == expected


@given(st.lists(stories, min_size=1), st.integers(1, 4))
def test_no_ngram_of_a_copied_text_is_unique(texts, n):
    shares = unique_ngram_shares(texts * 2, n)
    assert [share for share in shares if share] == []
    assert [share is None for share in shares] == [distinct_n([text], n) is None for text in texts * 2]


def test_n_must_be_positive():
    with pytest.raises(ValueError, match="n = 0"):
        unique_ngram_shares(["a b"], 0)
    with pytest.raises(ValueError, match="n = 0"):
        distinct_n(["a b"], 0)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Mara ran.\nThe wolf slept.", 0),
        ("# The mill\nMara ran.", 0.5),
        ("- a rope\n- a map\n\n1. run", 1),
        ("She was **very** tired.\nSo was he.", 0.5),
        ("| a | b |\n---\nEnd.", 2 / 3),
        ("He shouted: #no!\nTwo * two is four.\n- no, a dash speaks here", 1 / 3),
        ("—No, she said.", 0),  # a dash of speech
        ("", None),
    ],
)
def test_lines_with_markdown(text, share):
    assert formatted_share(text) == share


@pytest.mark.parametrize(
    ("text", "words_", "sentences_"),
    [
        ("他点亮了灯，等待着。“谁？”他问。", 11, 3),
        ("他走了｡她没有!", 6, 2),
        ("هل جاء؟ نعم، جاء أمس.", 5, 2),
        ("وہ آیا۔ پھر وہ چلا گیا۔", 6, 2),
        ("वह आया। फिर वह चला गया॥ क्या तुम हो?", 9, 3),
        ("เขาไปแล้ว? เธอไม่ได้ไป!", 17, 2),
        ("Он родился в 1986 г. в Москве. — Кто там? — спросил он.", 11, 3),
        ("Πού είσαι; Εδώ είμαι.", 4, 2),
        ("「行くぞ。」と彼は言った。", 9, 2),
        ("Mr. Mill met Dr. Wolf at 3 p.m. They don't talk.", 11, 2),
    ],
)
def test_words_and_sentences_of_languages(text, words_, sentences_):
    assert (len(words(text)), len(sentences(text))) == (words_, sentences_)


def test_a_poem_has_lines():
    assert lines("床前的月光\n像地上的霜\n \n抬头看明月\n") == ["床前的月光", "像地上的霜", "抬头看明月"]


@given(st.text(max_size=100))
def test_words_and_sentences_stand_where_they_end(text):
    assert [text[:end].endswith(word) for end, word in zip(word_ends(text), words(text), strict=True)] == (
        [True] * len(words(text))
    )
    ends = sentence_ends(text)
    assert len(ends) == len(sentences(text))
    assert all(text[:end].endswith(part) for end, part in zip(ends, sentences(text), strict=True))


@given(st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=60))
def test_no_word_is_lost(text):
    assert bool(words(text)) == any(character.isalnum() for character in text)

"""Stories that are too long: set aside or cut, never in silence."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rlcs.config.sources import StoryLengthConfig
from rlcs.data.rows import RawRow
from rlcs.data.story_length import LEAST_SHARE, limit_length, truncate
from rlcs.text import has_more_words, word_count


def row(**values):
    return RawRow("f.jsonl", 1, "text", values)


@pytest.mark.parametrize(
    ("story", "most", "expected"),
    [
        ("One two. Three four.", 4, "One two. Three four."),
        ("One two. Three four.", 3, "One two."),
        ("“One two!” Three four five", 4, "“One two!”"),
        ("One two three", 2, "One two"),
        ("One  two.\n\nThree four.", 3, "One  two."),
        ("It cost 3.50 pounds then.", 4, "It cost 3.50 pounds"),
        ("Yes. A river that has no end runs on and on", 6, "Yes. A river that has no"),
        ("They all went to Mr. Mill then", 5, "They all went to Mr"),
        ("They ran. She saw Mr. Mill then", 5, "They ran. She saw Mr"),
        ("She ran. He saw her. Mr. Mill then", 6, "She ran. He saw her."),
        ("他走了。她没有走，一个人等待着。", 9, "他走了。她没有走，一个"),
        ("他走了，她没有走。一个人等待着。", 9, "他走了，她没有走。"),
        ("床前的月光\n像地上的霜\n抬头看明月\n低头想故乡", 13, "床前的月光\n像地上的霜"),
        ("वह आया। फिर वह चला गया।", 4, "वह आया।"),
        ("هل جاء؟ نعم جاء أمس", 4, "هل جاء؟"),
        ("Он ушёл. Потом она пришла.", 4, "Он ушёл."),
    ],
)
def test_a_story_is_cut_at_the_end_of_a_sentence(story, most, expected):
    assert truncate(story, most) == expected


@given(st.text(max_size=200), st.integers(1, 10))
@example("0/0/0:A.A", 3)
def test_what_is_cut_is_a_beginning_that_keeps_the_limit(story, most):
    short = truncate(story, most)
    assert story.startswith(short)
    assert (kept := word_count(short)) <= most
    assert kept >= min(word_count(story), LEAST_SHARE * most)
    if word_count(story) <= most:
        assert short == story


assigned = st.characters(exclude_categories=["Cn", "Cs"])  # what is not, regex may know and Python not
simple = st.characters(exclude_categories=["Cn"], max_codepoint=0x6FF) | st.sampled_from("’‘“”—… '.:,;_a5ж²")


@given(st.text(assigned, max_size=50) | st.text(simple, max_size=50), st.integers(0, 9))
def test_a_text_has_more_words_than_a_smaller_number(text, number):
    assert has_more_words(text, number) == (word_count(text) > number)


def test_a_chinese_character_is_a_word():
    kept, _ = limit_length([row(story_a="他走了。", story_b="他")], StoryLengthConfig(max_words=2))
    assert kept[0].defect == "story of more than 2 words"


def test_a_text_with_little_punctuation_keeps_half_of_the_words_or_more():
    story = "Yes. " + "on and on it goes " * 180
    assert word_count(truncate(story, 900)) == 900


def test_a_long_story_goes_to_quarantine_by_default():
    kept, cuts = limit_length([row(story_a="a b c", story_b="a")], StoryLengthConfig(max_words=2))
    assert (kept[0].values, kept[0].defect, cuts) == (None, "story of more than 2 words", 0)


def test_or_it_is_cut_and_counted():
    rule = StoryLengthConfig(max_words=2, too_long="truncate")
    kept, cuts = limit_length([row(chosen="a b c", rejected="d e f", prompt="a b c d")], rule)
    assert kept[0].values == {"chosen": "a b", "rejected": "d e", "prompt": "a b c d"}
    assert cuts == 2


def test_without_a_rule_and_without_stories_rows_stay_as_they_are():
    rows = [row(story_a="a b c"), RawRow("f.jsonl", 2, "x", None, "broken JSON"), row(story_a=3)]
    assert limit_length(rows, None) == (rows, 0)
    assert limit_length(rows[1:], StoryLengthConfig(max_words=1)) == (rows[1:], 0)


@pytest.mark.parametrize(
    ("cell", "cut"),
    [
        ('["a b c", "a b"]', ["a b", "a b"]),
        ("a b c", ["a b"]),
        (["a b c", "d"], ["a b", "d"]),
        (
            '["a b c", "a b",]',
            '["a b c", "a b",]',
        ),  # no JSON: quarantine says so, and no part of it is a story
        ("[removed by the whole club]", "[removed by the whole club]"),
    ],
)
def test_each_story_of_a_list_is_cut_by_itself(cell, cut):
    rule = StoryLengthConfig(max_words=2, too_long="truncate")
    (kept,), cuts = limit_length([row(chosen=cell, rejected=["x"])], rule, lists=True)
    assert kept.values["chosen"] == cut
    assert cuts == (cell != cut)

"""One key for a text: its spellings are one premise, one story, one split."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.data import DataConfig
from rlcs.data.formats import parse_pairs, validated_pairs
from rlcs.data.rows import RawRow
from rlcs.data.validation import validate, validate_contexts
from rlcs.text import premise_key, text_key

SHARES = {"train": 0.5, "validation": 0.1, "test": 0.4}
SPELLINGS = {
    "as it is": lambda text: text,
    "a trailing space": lambda text: text + " ",
    "a line end": lambda text: text + "\r\n",
    "other case": str.swapcase,
    "two spaces": lambda text: text.replace(" ", "  "),
    "a no-break space": lambda text: text.replace(" ", "\u00a0"),
    "other line ends": lambda text: text.replace("\n", "\r\n"),
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "a zero-width space": lambda text: "\ufeff" + text,
}
spellings = st.sampled_from(list(SPELLINGS.values()))
tags = st.sampled_from(["", "[WP] ", "[wp]", "[ EU ]: ", "[WP][PI] - "])
# letters whose two cases are one letter each, in several scripts
texts = st.text("aéÅzñжЩωΩ你好نक .\n", min_size=1).filter(lambda text: text.strip(" \n."))


def pair(n, **fields):
    return {
        "prompt": f"Café {n}\nby night",
        "story_a": f"One {n}.",
        "story_b": f"Two {n}.",
        "label": "a",
    } | fields


def raw(rows):
    return [RawRow("file", line, json.dumps(row), row) for line, row in enumerate(rows, start=1)]


def checked(*rows):
    return validate(parse_pairs(raw(rows)), SHARES, 0)


@given(texts, spellings, spellings, tags)
def test_spellings_have_one_key(text, spell, again, tag):
    assert text_key(again(spell(text))) == text_key(text) == text_key(text_key(text))
    assert premise_key(tag + spell(text)) == premise_key(text)


@given(st.text())
def test_a_key_is_its_own_key(text):
    assert text_key(text_key(text)) == text_key(text)
    assert premise_key(premise_key(text)) == premise_key(text)


@pytest.mark.parametrize("premise", ["[removed]", "[WP]", "An [old] man", "[Scene 3: night] A man"])
def test_what_is_no_tag_stays_in_the_key(premise):
    assert premise_key(premise) == premise.lower()


@given(st.lists(st.tuples(st.integers(0, 5), spellings, tags), max_size=30))
def test_no_premise_stands_in_two_splits(drawn):
    rows = [pair(n, prompt=tag + spell(f"Café {n}\nby night"), story_a=f"Story {k}.")
            for k, (n, spell, tag) in enumerate(drawn)]  # fmt: skip
    result = checked(*rows)
    assert result.quarantine == []
    assert len(result.pairs) == len(rows)
    assert len(result.contexts) == len({n for n, *_ in drawn})


def test_the_splits_that_rows_name_are_compared_by_the_key():
    rows = [pair(1, split="test"), pair(1, prompt="[WP] café 1  by night", story_a="x", split="train")]
    assert [row["reason"] for row in checked(*rows).quarantine] == ["context in two splits"]
    (context,), *_ = checked(rows[0], rows[1] | {"split": ""})
    assert (context.split, context.outline) == ("test", rows[0]["prompt"])  # the text stays as it was


@given(spellings, spellings, st.booleans())
def test_stories_in_another_spelling_are_one_pair(spell, other, turned):
    first = pair(1, story_a="Élan\nvital.", annotator="ann", votes=None)
    names = ("story_b", "story_a") if turned else ("story_a", "story_b")
    second = first | {
        names[0]: spell(first["story_a"]),
        names[1]: other(first["story_b"]),
        "label": "b" if turned else "a",
    }
    assert [row["reason"] for row in checked(first, second).quarantine] == ["duplicate"]
    (agreed,) = checked(first, second | {"annotator": "bob"}).pairs
    assert (agreed["soft_label"], agreed["story_a"]) == (1.0, first["story_a"])


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_ratings_spelling_loses_no_pair(spell):
    rows = [
        {"prompt": spell("Café p") if k else "Café p", "story": text, "rater": rater, "fun": 1 + 2 * k}
        for k, story in enumerate(("one x", "two x"))
        for rater, text in (("r", story), ("s", spell(story)))
    ]
    result = validated_pairs(raw(rows), DataConfig(format="ratings", ratings={"criteria": ["fun"]}))
    assert result.quarantine == []
    assert (len(result.pairs), len(result.annotations), len(result.contexts)) == (1, 2, 1)


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_context_in_another_spelling_is_known_already(spell):
    known = checked(pair(1)).contexts
    rows = raw([{"prompt": spell(pair(1)["prompt"])}, {"prompt": "new"}, {"prompt": spell("new")}])
    more, bad = validate_contexts(rows, known, SHARES, 0)
    assert [context.outline for context in more] == ["new"]
    assert [row["reason"] for row in bad] == ["duplicate", "duplicate"]


def test_a_story_of_invisible_characters_is_empty():
    assert [row["reason"] for row in checked(pair(1, story_b="\u200b\u200b\ufeff")).quarantine] == [
        "empty story"
    ]

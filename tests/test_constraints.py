import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.constraints import KINDS, check, count_sentences, has_word, instruction, satisfied
from rlcs.records import Constraint


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("  \n", 0),
        ("One", 1),
        ("One.", 1),
        ("One. Two!", 2),
        ("What?! Yes... no", 3),
        ("It cost 3.50 in all.", 1),
        ("One.\n\nTwo.\n", 2),
        ('"Stop." He stopped.', 2),
        ("(He stopped.) She did not.", 2),
    ],
)
def test_count_sentences(text, sentences):
    assert count_sentences(text) == sentences


@pytest.mark.parametrize(
    ("text", "word", "there"),
    [
        ("The Dragon slept.", "dragon", True),
        ("dragons", "dragon", False),
        ("a snapdragon", "dragon", False),
        ("dragon", "dragon", True),
        ("dragon-slayer", "dragon", True),
        ("price: $5 (net)", "$5", True),
        ("c++ code", "c++", True),
        ("anything", ".*", False),
    ],
)
def test_has_word(text, word, there):
    assert has_word(text, word) is there


@given(st.text(), st.integers(0, 5))
def test_the_limit_is_the_count(text, n):
    constraint = Constraint("max_sentences", {"n": n})
    assert satisfied(constraint, text) == (count_sentences(text) <= n)


@given(st.text(), st.text(min_size=1), st.text())
def test_a_word_between_spaces_is_found(before, word, after):
    assert satisfied(Constraint("required_word", {"word": word}), f"{before} {word} {after}")


def test_instructions_name_the_parameters():
    assert "3" in instruction(Constraint("max_sentences", {"n": 3}))
    assert "$outline" in instruction(Constraint("required_word", {"word": "$outline"}))


@pytest.mark.parametrize("do", [check, instruction, lambda constraint: satisfied(constraint, "text")])
@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("rhymes"),
        Constraint("max_sentences"),
        Constraint("max_sentences", {"n": "3"}),
        Constraint("max_sentences", {"n": True}),
        Constraint("max_sentences", {"n": 3, "m": 4}),
        Constraint("required_word", {"words": "dragon"}),
        Constraint("required_word", {"word": None}),
    ],
)
def test_constraints_that_cannot_be_checked_are_refused(do, constraint):
    with pytest.raises(ValueError, match=constraint.kind):
        do(constraint)


def test_unknown_kinds_are_answered_with_the_known():
    with pytest.raises(ValueError, match=", ".join(sorted(KINDS))):
        check(Constraint("rhymes"))

"""Thoughts of a model, taken off by its markers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.reasoning import KNOWN_MARKERS, Markers, Written, split_reasoning

THINKS, OPENED = Markers(), Markers(opened=True)


@pytest.mark.parametrize(
    ("completion", "markers", "truncated", "expected"),
    [
        ("A tale.", None, False, ("", "A tale.", False)),
        ("<think>hm</think> A tale.", None, False, ("", "<think>hm</think> A tale.", False)),
        ("A tale.", THINKS, False, ("", "A tale.", False)),
        ("A ta", THINKS, True, ("", "A ta", True)),
        ("<think>\nhm\n</think>\n\nA tale.\n", THINKS, False, ("hm", "A tale.", False)),
        ("<think>\n\n</think>\n\nA tale.", THINKS, False, ("", "A tale.", False)),
        (" <think>hm</think>A ta", THINKS, True, ("hm", "A ta", True)),
        # the template has opened the thought
        ("hm\n</think>\n\nA tale.", OPENED, False, ("hm", "A tale.", False)),
        ("hm\n</think>\n\nA tale.", THINKS, False, ("hm", "A tale.", False)),
        ("<think>hm</think>A tale.", OPENED, False, ("hm", "A tale.", False)),
        # a thought that does not end
        ("hm, and", OPENED, True, ("hm, and", "", True)),
        ("<think>hm, and", THINKS, True, ("hm, and", "", True)),
        ("<think>hm.", THINKS, False, ("hm.", "", True)),
        ("<think>hm.", OPENED, True, ("hm.", "", True)),
        ("", OPENED, True, ("", "", True)),
        # trained on texts without thoughts
        ("A tale.", OPENED, False, ("", "A tale.", False)),
        # thoughts amid the text
        ("One <think>hm</think>two.", THINKS, False, ("hm", "One two.", False)),
        ("a</think>One <think>b</think>two <think>c", OPENED, False, ("a\nb\nc", "One two", True)),
        ("hm</think>", OPENED, False, ("hm", "", False)),
        ("[THINK]hm[/THINK]A tale.", KNOWN_MARKERS[1], False, ("hm", "A tale.", False)),
    ],
)
def test_what_is_thought_and_what_is_text(completion, markers, truncated, expected):
    assert split_reasoning(completion, markers, truncated=truncated) == Written(*expected)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", " ", "\n"])), st.booleans(), st.booleans())
def test_no_opened_thought_is_left_in_a_text(parts, opened, truncated):
    completion = "".join(parts)
    written = split_reasoning(completion, Markers(opened=opened), truncated=truncated)
    assert "<think>" not in written.text
    assert len(written.text) + len(written.reasoning) <= len(completion)
    assert written.truncated or not truncated


@given(st.text(), st.text(), st.booleans())
def test_a_text_behind_a_thought_is_kept_whole(thought, text, opened):
    for part in ("<think>", "</think>"):
        thought, text = thought.replace(part, ""), text.replace(part, "")
    completion = ("" if opened else "<think>") + thought + "</think>" + text
    assert split_reasoning(completion, Markers(opened=opened)).text == text.strip()

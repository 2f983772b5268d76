"""Constraints by rules and by a verifier model, in process and behind an endpoint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoint_server import Server, always, ok
from rlcs.config.judging import VERIFIER_TEMPLATE
from rlcs.config.prompts import verifier_prompt
from rlcs.constraints.verification import Check, Question, read_check, verify
from rlcs.judging.backends import Access
from rlcs.judging.verifier import load_verifier
from rlcs.records import Constraint, Context

pytest_plugins = ["endpoint_fixtures"]

DOUBT = Constraint("described", {"text": "the hero doubts"})
RAIN = Constraint("described", {"text": "it rains"})
SHORT = Constraint("max_words", {"n": 3})


def context_with(*constraints):
    return Context("c", "quest", "", "", "", constraints, "train")


class Fixed:
    """Says what it was told, question by question."""

    name = "fixed"

    def __init__(self, *verdicts):
        self.verdicts = verdicts
        self.batches = []

    def verify(self, questions):
        self.batches.append([(q.requirement, q.story) for q in questions])
        return [Check(satisfied) for satisfied in self.verdicts]


@pytest.mark.parametrize(
    ("raw", "satisfied"),
    [
        ("Verdict: yes", True),
        ("Verdict: no", False),
        ("He doubts twice.\nVerdict: no\n\n", False),
        ("Verdict: no\nVerdict: yes", True),
        ("", None),
        ("yes", None),
        ("Verdict: maybe", None),
        ("Verdict: yes and no", None),
        ("Verdict: yes\nI hope that helps!", None),
        ("verdict: YES", True),
        ("Verdict: yes.", True),
        ("**Verdict:** Yes", True),
        ("Its end is missing.\n- **Verdict: No.**", False),
        ("Verdict: `no`", False),
        ("> Verdict: **“yes”**!", True),
        ("Verdict: yes?", None),
        ("Verdict: not", None),
        ("Verdict: yes/no", None),
        ("Verdict: yes\nVerdict:", None),
        ("The verdict: yes", None),
    ],
)
def test_read_check(raw, satisfied):
    assert read_check(raw, 3) == Check(satisfied, raw, 3)
    assert read_check(raw, 3, truncated=True).satisfied is None


def test_rules_where_they_can_and_the_model_where_they_cannot():
    stories = [
        (context_with(DOUBT, SHORT), "Mara doubts."),
        (context_with(SHORT), "Mara ran and ran."),
        (context_with(RAIN, DOUBT), "It rains."),
        (context_with(DOUBT), " "),
    ]
    verifier = Fixed(True, None, False)
    satisfied, checks = verify(stories, verifier)
    assert satisfied == [[True, True], [False], [None, False], [False]]
    assert [check.satisfied for check in checks] == [True, None, False]
    asked = [("the hero doubts", "Mara doubts."), ("it rains", "It rains."), ("the hero doubts", "It rains.")]
    assert verifier.batches == [asked]


def test_without_a_verifier_it_is_unknown():
    satisfied, checks = verify([(context_with(DOUBT, SHORT), "Mara doubts.")], None)
    assert satisfied == [[None, True]]
    assert checks == []


def test_a_verifier_is_not_asked_what_rules_can_tell():
    verifier = Fixed()
    assert verify([(context_with(SHORT), "Mara ran.")], verifier) == ([[True]], [])
    assert verifier.batches == []


@given(story=st.text(), requirement=st.text())
def test_prompts_hold_story_and_requirement_as_they_are(story, requirement):
    (message,) = verifier_prompt(VERIFIER_TEMPLATE, context_with(), requirement, story)
    head, _, rest = VERIFIER_TEMPLATE.partition("$constraint")
    middle = rest.removesuffix("$story")
    assert message["content"] == f"{head}{requirement}{middle}{story}"


def test_an_endpoint_verifies(planted_key, tmp_path, context):
    questions = [Question(context, f"Tale {n}.", "it rains") for n in range(3)]
    section = {"name": "reader", "verifier": {"backend": "openai", "model": "m", "sampling": {}}}

    def checks(server):
        endpoint = {"base_url": server.url, "api_key_env": "RLCS_TEST_KEY", "attempts": 1}
        verifier = load_verifier(section, None, Access(tmp_path / "answers", endpoint), max_failure_share=1)
        return verifier.verify(questions)

    with Server(always(ok("It pours.\nVerdict: yes"))) as server:
        assert [check.satisfied for check in checks(server)] == [True] * 3
        assert sum(server.paid.values()) == 3
    with Server(always(ok("Verdict: no"))) as server:  # answers are kept, and none is asked again
        assert [check.satisfied for check in checks(server)] == [True] * 3
        assert not server.paid


def test_a_model_in_process_that_says_nothing_readable_is_unread(model_folder, context):
    entry = {"backend": "transformers", "base": "small", "max_new_tokens": 4}
    verifier = load_verifier(
        {"name": "reader", "verifier": entry, "engine": "transformers"},
        model_folder.parent,
        Access(model_folder),
    )
    checks = verifier.verify([Question(context, "Tale.", "it rains"), Question(context, "End.", "it rains")])
    assert [check.satisfied for check in checks] == [None, None]
    assert all(check.tokens > 0 for check in checks)

"""Prompts of judges and policies, filled in one pass.

Templates are ``string.Template`` texts from the config (``$outline``). Texts that are filled in are
not searched for fields: braces, dollars or tags in a story stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template

from rlcs.constraints.registry import instruction
from rlcs.records import Context

Messages = list[dict[str, str]]

CONTEXT_FIELDS = ("domain", "characters", "previous_plot", "outline", "constraints")
JUDGE_FIELDS = (*CONTEXT_FIELDS, "rubric", "story_1", "story_2")
STORY_FIELDS = (*CONTEXT_FIELDS, "rubric", "story")
VERIFIER_FIELDS = (*CONTEXT_FIELDS, "constraint", "story")


def check_template(template: str, fields: tuple[str, ...], required: tuple[str, ...] = ()) -> None:
    """Check the fields of a template.

    Raises:
        ValueError: it names an unknown field, or leaves out a required one.
    """
    if not Template(template).is_valid():
        raise ValueError("a $ that starts no field: write $$ for a dollar sign")
    names = set(Template(template).get_identifiers())
    if unknown := names - set(fields):
        raise ValueError(f"unknown fields {sorted(unknown)}; known: {', '.join(fields)}")
    if missing := set(required) - names:
        raise ValueError(f"missing fields {sorted(missing)}")


def _context_values(context: Context) -> dict[str, str]:
    return {
        "domain": context.domain,
        "characters": context.characters,
        "previous_plot": context.previous_plot,
        "outline": context.outline,
        "constraints": "; ".join(instruction(constraint) for constraint in context.constraints) or "none",
    }


def policy_prompt(template: str, context: Context) -> Messages:
    """Make a policy's prompt for a context, as a conversation."""
    return user(Template(template).substitute(_context_values(context)))


def judge_prompt(
    template: str, rubrics: Mapping[str, str], context: Context, first: str, second: str
) -> Messages:
    """Make a judge's prompt for two stories of a context, as a conversation.

    Args:
        rubrics: rubric by domain; ``default`` is for every other domain.
    """
    stories = {"story_1": first, "story_2": second}
    return user(Template(template).substitute(_judged_values(rubrics, context), **stories))


def story_prompt(template: str, rubrics: Mapping[str, str], context: Context, story: str) -> Messages:
    """Make the prompt of a judge that reads one story of a context; ``rubrics`` as in ``judge_prompt``."""
    return user(Template(template).substitute(_judged_values(rubrics, context), story=story))


def _judged_values(rubrics: Mapping[str, str], context: Context) -> dict[str, str]:
    rubric = rubrics.get(context.domain, rubrics.get("default", ""))
    return {**_context_values(context), "rubric": rubric}


# Written by the chat templates of common open models.
_CONTROL = re.compile(
    r"<\|[^<>|]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
)


def without_control_tokens(messages: Messages) -> Messages:
    """Break up common special tokens by a space, for endpoints whose tokenizer is not known."""
    return [
        {
            **message,
            "content": _CONTROL.sub(lambda token: f"{token[0][0]} {token[0][1:]}", message["content"]),
        }
        for message in messages
    ]


def verifier_prompt(template: str, context: Context, constraint: str, story: str) -> Messages:
    """Make a verifier's prompt for a requirement and a story, as a conversation."""
    return user(Template(template).substitute(_context_values(context), constraint=constraint, story=story))


def user(content: str) -> Messages:
    return [{"role": "user", "content": content}]


def assistant(content: str) -> Messages:
    return [{"role": "assistant", "content": content}]

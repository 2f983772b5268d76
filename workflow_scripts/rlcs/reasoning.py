"""Reasoning of a thinking model, which is taken off before a text is a story, a judgement or an answer.

A model writes its thoughts between two markers. Some chat templates open the thought at the end of the prompt
(DeepSeek R1), so that the completion has the closing marker alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Markers:
    """The texts around a thought.

    Args:
        opened: the prompt has opened the thought.
    """

    opening: str = "<think>"
    closing: str = "</think>"
    opened: bool = False


KNOWN_MARKERS = (Markers(), Markers("[THINK]", "[/THINK]"), Markers("<thinking>", "</thinking>"))


@dataclass(frozen=True)
class Written:
    """A completion in two parts, its thoughts and its text, neither with blanks around it.

    Args:
        truncated: the limit ended it, or a thought without an end left no text.
    """

    reasoning: str
    text: str
    truncated: bool


def split_reasoning(completion: str, markers: Markers | None, *, truncated: bool = False) -> Written:
    """Take thoughts off a completion; one that does not end leaves no text behind it, and is truncated.

    Design choice: a completion without any marker that ended by itself is text, even if the prompt has opened
    a thought. Models that were trained on texts without thoughts write so.

    Args:
        markers: of the model; None for one that does not think, whose completion is text.
        truncated: the token limit ended the completion.
    """
    if markers is None:
        return Written("", completion.strip(), truncated)
    head, found, rest = completion.partition(markers.closing)
    if found and (markers.opening not in head or head.lstrip().startswith(markers.opening)):
        thoughts = [head.lstrip().removeprefix(markers.opening)]  # of the start, whoever has opened it
    elif not found and markers.opened and truncated and markers.opening not in head:
        return Written(completion.strip(), "", truncated=True)
    else:
        thoughts, rest = [], completion
    text = ""
    while True:
        before, opening, rest = rest.partition(markers.opening)
        text += before
        if not opening:
            break
        thought, closing, rest = rest.partition(markers.closing)
        thoughts.append(thought)
        truncated = truncated or not closing
    return Written("\n".join(thoughts).strip(), text.strip(), truncated)

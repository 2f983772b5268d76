"""Chat templates: values of their own variables, and the markers of a thought that they write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from transformers import PreTrainedTokenizerBase

from rlcs.reasoning import KNOWN_MARKERS, Markers


def with_variables(template: str, values: Mapping[str, Any]) -> str:
    """A chat template that renders as ``template`` does where its variables are set to ``values``.

    The values (texts, numbers, true or false) are part of the template, and so of every model that the
    workflow saves: training, sampling, judging and a server that loads the model render the same text.
    """
    sets = [
        "{%- set " + name + " = " + json.dumps(value, ensure_ascii=False) + " -%}"
        for name, value in sorted(values.items())
    ]
    return "".join(sets) + template


def markers_of(tokenizer: PreTrainedTokenizerBase) -> Markers | None:
    """The markers of a tokenizer's thoughts: tokens of its own, or text of its template; None without any."""
    template, tokens = str(tokenizer.chat_template or ""), tokenizer.get_added_vocab()
    for markers in KNOWN_MARKERS:
        if markers.closing in tokens or markers.closing in template or markers.opening in template:
            asked = [{"role": "user", "content": "Hello."}]
            prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
            return replace(markers, opened=prompt.rstrip().endswith(markers.opening))
    return None


def count_reasoning(tokenizer: PreTrainedTokenizerBase, reasoning: str) -> int | None:
    """Number of tokens of a completion's thoughts; None if there are none."""
    return len(tokenizer(reasoning, add_special_tokens=False)["input_ids"]) if reasoning else None

"""Prompt injection: special tokens in text are broken up before they reach a model.

A tokenizer turns the characters of a special token into that token wherever they stand, so that a story could
end the judge's turn. The repair is part of the chat template, and so of every model that the workflow saves:
training, judging and a server that loads the model render the same text.
"""

import json
from collections.abc import Iterable

from transformers import PreTrainedTokenizerBase

_MARK = "{#- Special tokens in messages are broken up. -#}"


def neutralize(template: str, tokens: Iterable[str]) -> str:
    """A chat template that breaks up special tokens in the messages' text, and else renders ``template``.

    A space is put behind the first character of each token. A template that does so already is returned as it
    is.
    """
    if template.startswith(_MARK):
        return template
    literals = ", ".join(json.dumps(token, ensure_ascii=False) for token in tokens)
    return (
        _MARK + "{%- set plain = namespace(messages=[]) -%}"
        "{%- for message in messages -%}"
        "{%- set text = namespace(content=message['content']) -%}"
        "{%- if text.content is string -%}"
        "{%- for token in [" + literals + "] -%}"
        "{%- set text.content = text.content | replace(token, token[0] ~ ' ' ~ token[1:]) -%}"
        "{%- endfor -%}"
        "{%- endif -%}"
        "{%- set plain.messages = plain.messages + [dict(message, content=text.content)] -%}"
        "{%- endfor -%}"
        "{%- set messages = plain.messages -%}" + template
    )


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Texts that the tokenizer reads as one token whatever stands around them, longest first.

    White space is left out.
    """
    added = tokenizer.added_tokens_decoder.values()
    texts = {token.content for token in added} | set(tokenizer.all_special_tokens)
    return sorted((text for text in texts if len(text.strip()) > 1), key=lambda text: (-len(text), text))

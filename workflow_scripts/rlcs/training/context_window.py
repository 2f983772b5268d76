"""Training examples that fit into the model's context window: none is cut in silence (DESIGN §4).

An example that is too long is left out, counted and listed; TRL would cut it, or drop it without a word.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedTokenizerBase

from rlcs.errors import InputError
from rlcs.models.generation import encode
from rlcs.records import QUARANTINE, write_rows

log = logging.getLogger("rlcs")

Example = dict[str, Any]

TRL_ANSWER = 512  # max_completion_length where a config names none

_ANSWERS = ("completion", "chosen", "rejected")


@dataclass
class Window:
    """How many tokens an example may have, and those that had more: rows of QUARANTINE."""

    tokens: int | None
    left_out: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, model: Path, own: int | None = None) -> Window:
        """That of the model in a folder, or ``own`` (TRL's ``max_length``) where it is shorter."""
        config = AutoConfig.from_pretrained(model).get_text_config()
        limits = [getattr(config, "max_position_embeddings", None), own]
        return cls(min((limit for limit in limits if limit), default=None))

    def fitting(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        *,
        answer: int = 0,
        name: str = "training example",
    ) -> list[Example]:
        """The examples that fit, in their order; the others are told in the log and kept in ``left_out``.

        Args:
            examples: in TRL's conversational formats. Those with the same ``pair_id``, the two orders of a
                pair, stay together: both fit or both are left out.
            answer: tokens that a prompt without an answer leaves room for.

        Raises:
            InputError: none of them fits.
        """
        if self.tokens is None:
            return list(examples)
        needed = [tokens_of(example, tokenizer) + answer for example in examples]
        long_pairs = {
            example.get("pair_id")
            for example, tokens in zip(examples, needed, strict=True)
            if tokens > self.tokens
        } - {None}
        kept = []
        for place, (example, tokens) in enumerate(zip(examples, needed, strict=True), start=1):
            if tokens <= self.tokens and example.get("pair_id") not in long_pairs:
                kept.append(example)
                continue
            whose = "" if tokens > self.tokens else "its other order has "
            reason = f"{whose}more than {self.tokens} tokens"
            text = json.dumps({"tokens": tokens, **example}, ensure_ascii=False)
            self.left_out.append({"file": name, "line": place, "reason": reason, "row": text})
        if lost := len(examples) - len(kept):
            said = f"{lost} of {len(examples)} examples have more than {self.tokens} tokens"
            if not kept:
                raise InputError(
                    f"{said}: none is left to train on. Allow more (training.max_length, or a base with a "
                    f"longer window), or shorten the stories (data.story_length)"
                )
            log.warning("%s and are left out; left_out.parquet lists them", said)
        return kept

    def write(self, folder: Path) -> None:
        """``left_out.parquet``, where there is something to list."""
        if self.left_out:
            write_rows(folder / "left_out.parquet", self.left_out, QUARANTINE)


def tokens_of(example: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens of an example as the chat template writes it, with the longest of its answers."""
    answers = [example[name] for name in _ANSWERS if name in example]
    if not answers:
        return len(encode(tokenizer, [example["prompt"]])[0])
    return max(
        len(tokenizer.apply_chat_template(example["prompt"] + answer, return_dict=False))
        for answer in answers
    )

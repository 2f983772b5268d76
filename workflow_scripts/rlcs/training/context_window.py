"""Selection of training examples that fit into the model's context window.

An example that is too long is left out, counted and listed. Design choice: TRL would truncate or drop it
without a message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedTokenizerBase

from rlcs.errors import InputError
from rlcs.models.generation import encode
from rlcs.records import QUARANTINE, write_rows
from rlcs.stages.stage import log
from rlcs.training.examples import TrainingExample

TRL_ANSWER = 512  # max_completion_length where a config names none

_ANSWERS = ("completion", "chosen", "rejected")


_ADVICE = (
    "Allow more (training.max_length, or a base with a longer window), or shorten the stories "
    "(data.story_length)"
)


@dataclass
class Window:
    """Context window in tokens, and the examples that are longer.

    Attributes:
        tokens: the limit; None is no limit.
        left_out: rows of QUARANTINE.
    """

    tokens: int | None
    left_out: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, model: Path, max_length: int | None = None) -> Window:
        """The window of the model in a folder, or TRL's ``max_length`` if that is shorter."""
        config = AutoConfig.from_pretrained(model).get_text_config()
        limits = [getattr(config, "max_position_embeddings", None), max_length]
        return cls(min((limit for limit in limits if limit), default=None))

    def fitting(
        self,
        examples: Sequence[TrainingExample],
        tokenizer: PreTrainedTokenizerBase,
        *,
        answer: int = 0,
        name: str = "training example",
    ) -> list[TrainingExample]:
        """Select the examples that fit, in their order; the others are logged and listed in ``left_out``.

        Args:
            examples: in TRL's conversational formats. Those with the same ``pair_id``, the two orders of a
                pair, stay together: both fit or both are left out.
            answer: tokens to leave free after a prompt without an answer.
            name: of the examples, in ``left_out``.

        Raises:
            InputError: no example fits, or there is none. TRL would end in a StopIteration.
        """
        if not examples:
            raise InputError(f"there is no {name}: there is nothing to learn")
        if self.tokens is None:
            return list(examples)
        needed = [count_tokens(example, tokenizer) + answer for example in examples]
        long_pairs = {
            example.get("pair_id")
            for example, tokens in zip(examples, needed, strict=True)
            if tokens > self.tokens
        } - {None}
        kept = []
        for number, (example, tokens) in enumerate(zip(examples, needed, strict=True), start=1):
            if tokens <= self.tokens and example.get("pair_id") not in long_pairs:
                kept.append(example)
                continue
            subject = "" if tokens > self.tokens else "its other order has "
            reason = f"{subject}more than {self.tokens} tokens"
            text = json.dumps({"tokens": tokens, **example}, ensure_ascii=False)
            found = {"found": f"{tokens} tokens", "advice": _ADVICE}
            self.left_out.append({"file": name, "line": number, "reason": reason, **found, "row": text})
        if lost := len(examples) - len(kept):
            summary = f"{lost} of {len(examples)} examples have more than {self.tokens} tokens"
            if not kept:
                raise InputError(f"{summary}: none is left to train on. {_ADVICE}")
            log.warning("%s and are left out; left_out.parquet lists them", summary)
        return kept

    def write(self, folder: Path) -> None:
        """Write ``left_out.parquet`` if any example was left out."""
        if self.left_out:
            write_rows(folder / "left_out.parquet", self.left_out, QUARANTINE)


def count_tokens(example: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> int:
    """Number of tokens of an example in the chat template, with the longest of its answers."""
    answers = [example[name] for name in _ANSWERS if name in example]
    if not answers:
        return len(encode(tokenizer, [example["prompt"]])[0])
    return max(
        len(tokenizer.apply_chat_template(example["prompt"] + answer, return_dict=False))
        for answer in answers
    )

"""The interface of whatever answers the prompts of judges and verifiers.

Three modules implement it: ``in_process`` (transformers), ``endpoint`` (HTTP; ``vllm_served`` starts a server
for it) and ``vllm_offline``. This module imports no torch, since endpoints do without.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from rlcs.config.endpoints import ServingConfig
from rlcs.config.prompts import Messages

TOP_LOGPROBS = 20  # per token, the most that OpenAI's API gives; scores that are less likely count as 0


@dataclass(frozen=True)
class Reply:
    """A backend's answer to a prompt.

    Args:
        tokens: length of the text in tokens.
        truncated: whether the token limit ended the text.
        first_wins: p(first story wins) from the two score tokens, where the backend reads it and the text
            ends in a score line; else None.
    """

    text: str
    tokens: int
    truncated: bool
    first_wins: float | None = None


class Backend(Protocol):
    """Answers prompts. A backend that is given a range of scores also reads ``Reply.first_wins``."""

    @property
    def shard_size(self) -> int | None:
        """Prompts whose replies a stage keeps together (``Judge.shard_size``)."""

    def answer(
        self, conversations: Sequence[Messages], samples: int = 1, seed: int = 0
    ) -> list[Reply | None]:
        """``samples`` replies to each conversation, in the given order; None where there is no reply.

        Args:
            seed: seeds the draws of a model in process. The other backends draw by themselves.
        """


@dataclass(frozen=True)
class Access:
    """How judges and verifiers are reached. No answer depends on it, so it makes no stage run again.

    Args:
        answers: the folder where an endpoint's answers are kept.
        endpoint: the keys of an endpoint's entry that ``stage_configs.endpoint`` leaves out of its section.
        serving: how vLLM serves a model of the run.
    """

    answers: Path
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    serving: ServingConfig = field(default_factory=ServingConfig)

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Access:
        """Decode the options ``answers``, ``endpoint`` and, where there is one, ``serving`` of a stage."""
        return cls(
            Path(options["answers"]),
            json.loads(options["endpoint"]),
            ServingConfig.model_validate_json(options.get("serving", "{}")),
        )

    def to(self, name: str) -> Access:
        """The access to one of several judges or verifiers, where ``endpoint`` is a mapping by name."""
        return replace(self, answers=self.answers / name, endpoint=self.endpoint.get(name, {}))

"""The interface of the backends, which answer the prompts of judges and verifiers.

Three modules implement it: ``in_process`` (transformers), ``endpoint`` (HTTP; ``vllm_served`` starts a server
for it) and ``vllm_offline``. This module does not import torch, since endpoints do not need it.
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
        distributions: the distribution over the possible scores, lowest first, at each score of the score
            line; None if the backend does not read it or the text does not end in a score line.
    """

    text: str
    tokens: int
    truncated: bool
    distributions: Sequence[Sequence[float]] | None = None


class Backend(Protocol):
    """Answers prompts; if it is given a range of scores, it also reads ``Reply.distributions``."""

    @property
    def shard_size(self) -> int | None:
        """Prompts per checkpointed shard (``Judge.shard_size``)."""

    def answer(
        self, conversations: Sequence[Messages], samples: int = 1, seed: int = 0
    ) -> list[Reply | None]:
        """``samples`` replies to each conversation, in the given order; None for a missing reply.

        Args:
            seed: for the draws of a model in process; the other backends use their own generators.
        """


@dataclass(frozen=True)
class Access:
    """Access to judges and verifiers. No answer depends on it, so a change makes no stage run again.

    Args:
        answers: folder of an endpoint's stored answers.
        endpoint: the keys of an endpoint's entry that ``stage_configs.endpoint`` leaves out of its section.
        serving: how vLLM serves a model of the run.
    """

    answers: Path
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    serving: ServingConfig = field(default_factory=ServingConfig)

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Access:
        """Decode a stage's options ``answers``, ``endpoint`` and, if it has one, ``serving``."""
        return cls(
            Path(options["answers"]),
            json.loads(options["endpoint"]),
            ServingConfig.model_validate_json(options.get("serving", "{}")),
        )

    def to(self, name: str) -> Access:
        """The access to one of several judges or verifiers, if ``endpoint`` is a mapping by name."""
        return replace(self, answers=self.answers / name, endpoint=self.endpoint.get(name, {}))

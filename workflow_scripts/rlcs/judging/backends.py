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

from rlcs.config.endpoints import EndpointConfig, Engine, ServingConfig
from rlcs.config.prompts import Messages
from rlcs.judging.budget import Budget

RUN_COST = "run_cost"  # in an endpoint's option, beside the keys of its entry
TOP_LOGPROBS = 20  # per token, the most that OpenAI's API gives; scores that are less likely count as 0


@dataclass(frozen=True)
class Reply:
    """A backend's answer to a prompt.

    Args:
        text: without thoughts.
        tokens: number of tokens that were written, thoughts among them.
        truncated: whether the token limit ended the text.
        distributions: the distribution over the possible scores, lowest first, at each score of the score
            line; None if the backend does not read it or the text does not end in a score line.
        reasoning: number of tokens of the thoughts; None if there are none, or they are not known.
    """

    text: str
    tokens: int
    truncated: bool
    distributions: Sequence[Sequence[float]] | None = None
    reasoning: int | None = None


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
            seed: for the draws of a model in process; an endpoint uses its own generator.
        """


@dataclass(frozen=True)
class Decoding:
    """Decoding of a model's answers.

    Attributes:
        engine: the program that runs it.
        vllm: arguments of vLLM.
        max_new_tokens: the longest answer.
        batch_size: prompts answered at once in process.
        temperature: 0 is greedy decoding.
        top_p: probability mass for nucleus sampling.
    """

    engine: Engine
    max_new_tokens: int
    batch_size: int
    vllm: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 0.0
    top_p: float = 1.0


@dataclass(frozen=True)
class Access:
    """Access to judges and verifiers. No answer depends on it, so a change makes no stage run again.

    Args:
        answers: folder of an endpoint's stored answers.
        endpoint: the keys of an endpoint's entry that ``stage_configs.endpoint`` leaves out of its section,
            and under ``run_cost`` the limit on costs of the whole run with the folder of all its answers.
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

    def complete(self, section: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """All keys of an endpoint's entry, from those in a stage's section."""
        return {**section, **{k: v for k, v in self.endpoint.items() if k != RUN_COST}, **changes}

    def budgets(self, entry: EndpointConfig, what: str) -> list[Budget]:
        """The limits on what an endpoint's answers cost: its own and the run's."""
        found = []
        if entry.max_cost is not None:
            found.append(Budget(entry.max_cost, self.answers, what, f"max_cost of {what}"))
        if run := self.endpoint.get(RUN_COST):
            found.append(
                Budget(run["max_cost"], Path(run["answers"]), "all endpoints", "max_cost of the run")
            )
        return found

    def to(self, name: str) -> Access:
        """The access to one of several judges or verifiers, if ``endpoint`` is a mapping by name."""
        return replace(self, answers=self.answers / name, endpoint=self.endpoint.get(name, {}))

"""Verifiers by their entry in the config: a model in process, or one behind an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from rlcs.config import judging as entries
from rlcs.config.prompts import verifier_prompt
from rlcs.constraints.verification import Check, Question, Verifier, read_check
from rlcs.judging.answers import AnswerStore

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from rlcs.judging.endpoint import EndpointBackend


class ModelVerifier:
    """A model in process, which answers greedily."""

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        entry: entries.ModelVerifierConfig,
    ) -> None:
        from rlcs.models.loading import device

        self.name = name
        self.model = model.to(device())
        self.tokenizer = tokenizer
        self.entry = entry

    def verify(self, questions: Sequence[Question]) -> list[Check]:
        from rlcs.models.generation import generate

        completions = generate(
            self.model,
            self.tokenizer,
            [verifier_prompt(self.entry.template, q.context, q.requirement, q.story) for q in questions],
            max_new_tokens=self.entry.max_new_tokens,
            batch_size=self.entry.batch_size,
        )
        return [read_check(c.text, c.tokens, truncated=c.truncated) for c in completions]


class EndpointVerifier:
    """A model behind an endpoint; a question without an answer is unread."""

    def __init__(self, asker: EndpointBackend, template: str) -> None:
        self.name = asker.name
        self.asker = asker
        self.template = template

    def verify(self, questions: Sequence[Question]) -> list[Check]:
        answers = self.asker.ask(
            [verifier_prompt(self.template, q.context, q.requirement, q.story) for q in questions]
        )
        return [
            Check(None)
            if answer is None
            else read_check(answer.text, answer.completion_tokens, truncated=answer.finish_reason == "length")
            for answer in answers
        ]


def load_verifier(
    section: Mapping[str, Any],
    folder: Path | None,
    *,
    endpoint: Mapping[str, Any],
    answers: Path,
    max_failure_share: float | None = None,
) -> Verifier:
    """The verifier of a section made by ``stage_configs.verifier``.

    Args:
        folder: the artifact that holds its ``model``; None for an endpoint.
        endpoint: where and how fast an endpoint is asked (``sections.asking``).
        answers: the folder where an endpoint's answers are kept.
        max_failure_share: in place of an endpoint's own.
    """
    name = section["name"]
    asking = {**section["verifier"], **endpoint}
    if asking["backend"] == "openai" and max_failure_share is not None:
        asking["max_failure_share"] = max_failure_share
    entry: entries.ModelVerifierConfig | entries.EndpointVerifierConfig = TypeAdapter(
        entries.VerifierConfig
    ).validate_python(asking)
    if isinstance(entry, entries.EndpointVerifierConfig):
        from rlcs.judging.endpoint import EndpointBackend  # with its client

        return EndpointVerifier(
            EndpointBackend(name, entry, AnswerStore(answers), "verifier"), entry.template
        )
    from rlcs.models.loading import (
        load_causal,
        load_tokenizer,  # with torch
    )

    assert folder is not None, f"verifier {name} needs a model"
    return ModelVerifier(name, load_causal(folder / "model"), load_tokenizer(folder / "model"), entry)

"""The verifier: it asks a backend about requirements, and reads yes or no from each reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rlcs.config.judging import EndpointVerifierConfig, ModelVerifierConfig, VerifierConfig
from rlcs.config.prompts import verifier_prompt
from rlcs.constraints.verification import Check, Question, Verifier, read_check
from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Access, Backend


class GenerativeVerifier:
    """A language model that decides if a story meets a requirement; a missing reply is an unread check."""

    def __init__(self, name: str, backend: Backend, template: str) -> None:
        self.name = name
        self.backend = backend
        self.template = template

    def verify(self, questions: Sequence[Question]) -> list[Check]:
        """Checks in the given order."""
        replies = self.backend.answer(
            [verifier_prompt(self.template, q.context, q.requirement, q.story) for q in questions]
        )
        return [
            Check(None) if reply is None else read_check(reply.text, reply.tokens, truncated=reply.truncated)
            for reply in replies
        ]


def load_verifier(
    section: Mapping[str, Any],
    folder: Path | None,
    access: Access,
    max_failure_share: float | None = None,
) -> Verifier:
    """Load the verifier of a section made by ``stage_configs.verifier``.

    Args:
        folder: the artifact that holds its ``model``; None for an endpoint.
        access: access to the verifier; ``stage_configs.verifier_endpoint`` makes its ``endpoint``.
        max_failure_share: replaces an endpoint's own.
    """
    name, fields = section["name"], {**section["verifier"], **access.endpoint}
    if fields["backend"] == "openai" and max_failure_share is not None:
        fields["max_failure_share"] = max_failure_share
    entry: ModelVerifierConfig | EndpointVerifierConfig = TypeAdapter(VerifierConfig).validate_python(fields)
    return GenerativeVerifier(name, _backend(name, entry, folder, access), entry.template)


def _backend(
    name: str, entry: ModelVerifierConfig | EndpointVerifierConfig, folder: Path | None, access: Access
) -> Backend:
    if isinstance(entry, EndpointVerifierConfig):
        from rlcs.judging.endpoint import EndpointBackend  # with its client

        return EndpointBackend(name, entry, AnswerStore(access.answers), "verifier")
    from rlcs.judging.in_process import TransformersBackend  # with torch
    from rlcs.models.loading import load_causal, load_tokenizer

    assert folder is not None, f"verifier {name} needs a model"
    return TransformersBackend(
        load_causal(folder / "model"),
        load_tokenizer(folder / "model"),
        max_new_tokens=entry.max_new_tokens,
        batch_size=entry.batch_size,
    )

"""The verifier: it asks a backend about requirements, and reads yes or no from each reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.config.judging import EndpointVerifierConfig, ModelVerifierConfig
from rlcs.config.prompts import verifier_prompt
from rlcs.constraints.verification import Check, Question, Verifier, read_check
from rlcs.judging.backends import Access, Backend, Decoding
from rlcs.judging.engines import ask_endpoint, run_model


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
    name, fields = section["name"], section["verifier"]
    if fields["backend"] == "openai":
        share = {} if max_failure_share is None else {"max_failure_share": max_failure_share}
        endpoint = EndpointVerifierConfig.model_validate(access.complete(fields, **share))
        backend = ask_endpoint(name, endpoint, access, role="verifier")
        return GenerativeVerifier(name, backend, endpoint.template)
    assert folder is not None, f"verifier {name} needs a model"
    entry = ModelVerifierConfig.model_validate(fields)
    decoding = Decoding(section["engine"], entry.max_new_tokens, entry.batch_size, section.get("vllm", {}))
    backend = run_model(name, folder, decoding, access, role="verifier", max_failure_share=max_failure_share)
    return GenerativeVerifier(name, backend, entry.template)

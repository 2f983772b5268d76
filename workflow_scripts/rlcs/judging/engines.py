"""The backend of an entry, whether it judges, verifies or writes: an engine of the run, or an endpoint."""

from __future__ import annotations

from pathlib import Path

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.judging import ScoresConfig
from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Access, Backend, Decoding


def ask_endpoint(
    name: str,
    entry: EndpointConfig,
    access: Access,
    *,
    role: str = "judge",
    scores: ScoresConfig | None = None,
    identity: str | None = None,
) -> Backend:
    """Make the backend of an endpoint, with its kept answers and the limits on its costs.

    Arguments as in ``EndpointBackend``, which is imported here since its client takes a while.
    """
    from rlcs.judging.endpoint import EndpointBackend

    return EndpointBackend(
        name,
        entry,
        AnswerStore(access.answers),
        role,
        scores=scores,
        identity=identity,
        budgets=access.budgets(entry, f"{role} {name!r}"),
    )


def run_model(
    name: str,
    folder: Path,
    decoding: Decoding,
    access: Access | None,
    *,
    scores: ScoresConfig | None = None,
    role: str = "judge",
    max_failure_share: float | None = None,
    draws: str = "",
) -> Backend:
    """Load or serve a model. An import costs seconds, so only the engine in use is imported.

    Args:
        name: name of the entry.
        folder: the artifact that holds its ``model``.
        access: what a served model needs.
        scores: range of the scores whose probabilities are read; None reads none.
        role: of ``EndpointBackend``, for messages.
        max_failure_share: of ``EndpointConfig``; None keeps its default.
        draws: tells apart stored answers that are other draws of the same model.

    Raises:
        InputError: vLLM is not there or does not start.
        ValueError: a score is not a single token.
    """
    if decoding.engine == "vllm":
        from rlcs.judging.vllm_served import serve_model

        assert access is not None, f"{role} {name} needs the options answers and serving"
        return serve_model(
            name,
            folder,
            decoding,
            access,
            scores=scores,
            role=role,
            max_failure_share=max_failure_share,
            draws=draws,
        )
    if decoding.engine == "vllm_offline":
        from rlcs.judging.vllm_offline import OfflineBackend

        return OfflineBackend(folder / "model", decoding, scores=scores)
    from rlcs.judging.in_process import TransformersBackend
    from rlcs.models.loading import load_causal, load_tokenizer

    return TransformersBackend(
        load_causal(folder / "model"),
        load_tokenizer(folder / "model"),
        max_new_tokens=decoding.max_new_tokens,
        batch_size=decoding.batch_size,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        scores=scores,
    )

"""A backend that vLLM serves, as a child of the job (judging.engine: vllm)."""

from __future__ import annotations

import json
from pathlib import Path

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.judging import JudgingConfig, ScoresConfig
from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Access
from rlcs.judging.endpoint import EndpointBackend
from rlcs.models.vllm_server import server_version, start_server, stored_dtype
from rlcs.stages.manifest import MANIFEST_NAME, content_id
from rlcs.stages.ranks import broadcast_on_node


def serve_model(
    name: str,
    folder: Path,
    judging: JudgingConfig,
    access: Access,
    *,
    temperature: float = 0.0,
    scores: ScoresConfig | None = None,
    max_failure_share: float | None = None,
) -> EndpointBackend:
    """Start a server of this job, one on each node, and return the backend that asks it.

    Stored answers are used again only if the artifact, ``judging.vllm`` (quantization, dtype, ...) and vLLM's
    version are the same.

    Args:
        name: name of the judge.
        folder: the artifact that holds its ``model``.
        temperature, scores: as in ``OfflineBackend``.
        max_failure_share: as in ``EndpointConfig``; None keeps its default.

    Raises:
        InputError: as ``start_server``.
        ValueError: a score is not a single token.
    """
    if scores is not None:
        from rlcs.judging.score_tokens import score_tokens  # with torch
        from rlcs.models.loading import load_tokenizer

        score_tokens(load_tokenizer(folder / "model"), scores.low, scores.high)
    serving = access.serving
    model = f"{name}-{content_id(folder / MANIFEST_NAME)}"
    arguments = {"dtype": stored_dtype(folder / "model"), **judging.vllm}
    url = broadcast_on_node(
        lambda: start_server(folder / "model", model, arguments, serving, gpus=serving.gpus)
    )
    entry = EndpointConfig(
        backend="openai",
        model=model,
        base_url=f"{url}/v1",
        sampling={"temperature": temperature, "max_tokens": judging.max_new_tokens},
        concurrency=serving.concurrency,
        timeout=serving.timeout,
        **({} if max_failure_share is None else {"max_failure_share": max_failure_share}),
    )
    served = {"model": model, "arguments": arguments, "vllm": server_version(url)}
    identity = json.dumps(served, sort_keys=True)
    return EndpointBackend(name, entry, AnswerStore(access.answers), scores=scores, identity=identity)

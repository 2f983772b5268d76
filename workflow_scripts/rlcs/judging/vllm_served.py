"""A backend that vLLM serves, as a child of the job (judging.engine: vllm)."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.judging import ScoresConfig
from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Access, Decoding
from rlcs.judging.endpoint import EndpointBackend
from rlcs.models.vllm_server import ADDRESS, server_version, start_server, stored_dtype
from rlcs.stages.children import reach_directly
from rlcs.stages.manifest import MANIFEST_NAME, content_id
from rlcs.stages.ranks import broadcast_on_node


def serve_model(
    name: str,
    folder: Path,
    decoding: Decoding,
    access: Access,
    *,
    scores: ScoresConfig | None = None,
    role: str = "judge",
    max_failure_share: float | None = None,
    draws: str = "",
) -> EndpointBackend:
    """Start a server of this job, one on each node, and return the backend that asks it.

    Stored answers are used again only if the artifact, vLLM's arguments (quantization, dtype, ...) and its
    version are the same.

    Args: as in ``engines.run_model``.

    Raises:
        InputError: as ``start_server``.
        ValueError: a score is not a single token.
    """
    from rlcs.judging.score_tokens import score_tokens  # with torch
    from rlcs.models.chat_templates import count_reasoning, markers_of
    from rlcs.models.loading import load_tokenizer

    tokenizer = load_tokenizer(folder / "model")
    if scores is not None:
        score_tokens(tokenizer, scores.low, scores.high)
    serving = access.serving
    model = f"{name}-{content_id(folder / MANIFEST_NAME)}"
    arguments = {"dtype": stored_dtype(folder / "model"), **decoding.vllm}
    url = broadcast_on_node(
        lambda: start_server(folder / "model", model, arguments, serving, gpus=serving.gpus)
    )
    reach_directly(ADDRESS)  # in each process of the node
    sampling = {"temperature": decoding.temperature, "max_tokens": decoding.max_new_tokens}
    sampling |= {"top_p": decoding.top_p} if decoding.top_p < 1 else {}
    entry = EndpointConfig(
        backend="openai",
        model=model,
        base_url=f"{url}/v1",
        sampling=sampling,
        concurrency=serving.concurrency,
        timeout=serving.timeout,
        **({} if max_failure_share is None else {"max_failure_share": max_failure_share}),
    )
    served = {"model": model, "arguments": arguments, "vllm": server_version(url)}
    served |= {"draws": draws} if draws else {}
    identity = json.dumps(served, sort_keys=True)
    return EndpointBackend(
        name,
        entry,
        AnswerStore(access.answers),
        role,
        scores=scores,
        identity=identity,
        markers=markers_of(tokenizer),
        count_reasoning=partial(count_reasoning, tokenizer),
    )

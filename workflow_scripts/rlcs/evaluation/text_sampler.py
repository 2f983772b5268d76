"""Texts of a policy at the run's sampling: by an engine of the run, or by an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pyarrow as pa

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.prompts import Messages
from rlcs.config.writing import SamplingConfig
from rlcs.judging.backends import Access, Backend, Decoding
from rlcs.judging.engines import ask_endpoint, run_model
from rlcs.records import Row
from rlcs.stages.shards import in_shards
from rlcs.stages.stage import Stage, log

Prompted = tuple[Row, Messages]
"""The columns of a row that come with its prompt, and the prompt."""


def sample_texts(
    stage: Stage, prompts: Sequence[Prompted], schema: pa.Schema, *, purpose: str, title: str
) -> list[dict[str, Any]]:
    """Have the policy of a stage answer prompts, several times if the run samples several.

    Args:
        stage: its config has ``policy``, ``sampling`` and, for an endpoint, ``endpoint``; its input is
            ``model``, or none for an endpoint.
        schema: of the rows; ``text``, ``tokens``, ``truncated``, ``reasoning_tokens``, ``seed`` and, if it
            has one, ``sample`` are added to a prompt's columns.
        purpose: what the texts are for; with the seed and a shard's number it seeds the shard's draws.
        title: of the progress bar.

    Returns:
        Rows in the prompts' order, the samples of a prompt one after the other. A prompt without an answer
        has no row; the log counts them.
    """
    sampling = SamplingConfig.model_validate(stage.config["sampling"])
    backend = load_writer(stage, sampling, purpose)

    def write(number: int, shard: Sequence[Prompted]) -> list[Row]:
        seed = Random(f"{purpose} {stage.seed} {number}").getrandbits(32)
        replies = backend.answer([prompt for _, prompt in shard], sampling.samples, seed)
        asked = [(columns, sample) for columns, _ in shard for sample in range(sampling.samples)]
        return [
            {
                **columns,
                **({"sample": sample} if "sample" in schema.names else {}),
                "text": reply.text.strip(),
                "tokens": reply.tokens,
                "truncated": reply.truncated,
                "reasoning_tokens": reply.reasoning,
                "seed": stage.seed,
            }
            for (columns, sample), reply in zip(asked, replies, strict=True)
            if reply is not None
        ]

    # each answer of an endpoint is stored by itself
    size = len(prompts) if backend.shard_size is None else max(1, sampling.batch_size // sampling.samples)
    rows = in_shards(stage.checkpoints(), prompts, max(1, size), write, schema, title)
    if missing := len(prompts) * sampling.samples - len(rows):
        log.warning("%d of %d texts are missing: no answer", missing, len(prompts) * sampling.samples)
    return rows


def load_writer(stage: Stage, sampling: SamplingConfig, purpose: str) -> Backend:
    """The backend that writes for a stage, with the draws of its seed and purpose."""
    policy, access = stage.config["policy"], Access.of(stage.options)
    draws = f"{purpose}, seed {stage.seed}"
    if (question := stage.config.get("endpoint")) is not None:
        entry = EndpointConfig.model_validate(access.complete(question))
        entry = entry.model_copy(update={"sampling": request_parameters(sampling, entry.sampling)})
        return ask_endpoint(policy, entry, access, role="policy", identity=f"{entry.model}, {draws}")
    decoding = Decoding(
        sampling.engine or "transformers",
        sampling.max_new_tokens,
        sampling.batch_size,
        sampling.vllm or {},
        temperature=sampling.temperature,
        top_p=sampling.top_p,
    )
    return run_model(policy, stage.folder("model"), decoding, access, role="policy", draws=draws)


def request_parameters(sampling: SamplingConfig, own: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a request: the run's sampling, then the entry's own; an empty one is not sent."""
    run: dict[str, Any] = {"temperature": sampling.temperature}
    run |= {"top_p": sampling.top_p} if sampling.top_p < 1 else {}
    if "max_completion_tokens" not in own:  # a vendor's newer name for the same
        run["max_tokens"] = sampling.max_new_tokens
    return {name: value for name, value in {**run, **own}.items() if value is not None}

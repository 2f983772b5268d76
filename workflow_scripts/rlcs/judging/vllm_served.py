"""A judge with weights of its own that vLLM serves, as a child of the job (judging.engine: vllm)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlcs.config.endpoints import ServingConfig
from rlcs.config.judges import EndpointJudgeConfig
from rlcs.config.judging import JudgingConfig
from rlcs.judging.answers import AnswerStore
from rlcs.judging.endpoint import EndpointJudge
from rlcs.models.vllm_server import start_server
from rlcs.stages.manifest import MANIFEST_NAME, content_id
from rlcs.stages.ranks import broadcast_on_node


def serve_judge(
    section: Mapping[str, Any],
    folder: Path,
    options: Mapping[str, str],
    max_failure_share: float | None,
    *,
    soft: bool,
) -> EndpointJudge:
    """The judge of a section made by ``stage_configs.judge``, behind a server of this job, one on each node.

    The model's name is that of its artifact, so that answers that were kept are never those of other weights.

    Args:
        options: ``endpoint`` is the JSON of ``stage_configs.endpoint``, how it is served, and ``answers`` the
            folder where its answers are kept.

    Raises:
        InputError: as ``start_server``.
    """
    name, entry = section["name"], section["judge"]
    judging = JudgingConfig.model_validate(section["judging"])
    serving = ServingConfig.model_validate(json.loads(options["endpoint"]))
    model = f"{name}-{content_id(folder / MANIFEST_NAME)}"
    url = broadcast_on_node(
        lambda: start_server(folder / "model", model, judging.vllm, serving, gpus=serving.gpus)
    )
    served = EndpointJudgeConfig(
        kind="teacher",
        backend="openai",
        model=model,
        base_url=f"{url}/v1",
        sampling={"temperature": entry.get("temperature", 0.0), "max_tokens": judging.max_new_tokens},
        votes=entry.get("votes", 1),
        concurrency=serving.concurrency,
        timeout=serving.timeout,
        **({} if max_failure_share is None else {"max_failure_share": max_failure_share}),
    )
    return EndpointJudge(name, served, judging, AnswerStore(Path(options["answers"])), soft=soft)

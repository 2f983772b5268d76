"""Judges by their entry in the config."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlcs.config import judges
from rlcs.config.judges import EndpointJudgeConfig, WorldTeacherConfig
from rlcs.config.judging import JudgingConfig
from rlcs.judging.answers import AnswerStore
from rlcs.judging.rule_based import LengthJudge, OracleJudge, SimulatedTeacher

if TYPE_CHECKING:
    from rlcs.judging.judge import Judge


def load_judge(
    section: Mapping[str, Any],
    folder: Path | None,
    options: Mapping[str, str] | None = None,
    max_failure_share: float | None = None,
    *,
    soft: bool = False,
) -> Judge:
    """The judge of a section made by ``stage_configs.judge``.

    Args:
        folder: the artifact that holds its ``model``; None for a judge without weights.
        options: of the command line. For an endpoint, ``endpoint`` is the JSON of ``stage_configs.endpoint``
            and ``answers`` the folder where its answers are kept.
        max_failure_share: in place of an endpoint's own.
        soft: ask a GenRM or an endpoint for p(a beats b) as well, from the score tokens.
    """
    name, entry = section["name"], section["judge"]
    kind, backend = entry["kind"], entry.get("backend")
    if kind == "oracle":
        return OracleJudge(name)
    if kind == "length":
        return LengthJudge(name, judges.LengthJudgeConfig.model_validate(entry))
    if kind == "teacher" and backend == "world":
        return SimulatedTeacher(
            name, WorldTeacherConfig.model_validate(entry), JudgingConfig.model_validate(section["judging"])
        )
    if kind == "teacher" and backend == "openai":
        from rlcs.judging.endpoint import EndpointJudge  # with its client, which other judges need not load

        assert options is not None, f"judge {name} needs the options answers and endpoint"
        asking = json.loads(options["endpoint"])
        if max_failure_share is not None:
            asking["max_failure_share"] = max_failure_share
        return EndpointJudge(
            name,
            EndpointJudgeConfig.model_validate(entry | asking),
            JudgingConfig.model_validate(section["judging"]),
            AnswerStore(Path(options["answers"])),
            soft=soft,
        )
    if section.get("judging", {}).get("engine") == "vllm":
        assert folder is not None, f"judge {name} of kind {kind} needs a model"
        assert options is not None, f"judge {name} needs the options answers and endpoint"
        from rlcs.judging.vllm_served import serve_judge

        return serve_judge(section, folder, options, max_failure_share, soft=soft)
    from rlcs.judging.generative import GenerativeJudge
    from rlcs.judging.scalar import ScalarJudge  # with torch: seconds that the others are spared

    assert folder is not None, f"judge {name} of kind {kind} needs a model"
    if kind == "bradley_terry":
        from rlcs.judging import probe

        template, batch_size = section["writing"]["template"], section["batch_size"]
        if (folder / "model" / probe.NAME).exists():
            return probe.ProbeJudge.load_probe(name, folder / "model", template, batch_size)
        return ScalarJudge.load(name, folder / "model", template, batch_size)
    judging = JudgingConfig.model_validate(section["judging"])
    asked = {"votes": entry.get("votes", 1), "temperature": entry.get("temperature", 0.0), "soft": soft}
    if judging.engine == "vllm_offline":
        from rlcs.judging.vllm_offline import OfflineJudge

        return OfflineJudge(name, folder / "model", judging, **asked)
    return GenerativeJudge.load(name, folder / "model", judging, **asked)


def load_judges(
    sections: Sequence[Mapping[str, Any]],
    folders: Sequence[Path],
    options: Mapping[str, str],
    max_failure_shares: Mapping[str, float],
    soft: Collection[str] = (),
) -> dict[str, Judge]:
    """Several judges by name, beside a training: its process is no place for vLLM's offline engine.

    Args:
        sections: made by ``stage_configs.judge``.
        folders: artifacts of the judges that have weights, in the order of ``sections``.
        options: as in ``load_judge``, but ``endpoint`` is a JSON object of such sections by judge, and
            ``answers`` the folder that holds each judge's own.
        max_failure_shares: by judge; a judge without one keeps an endpoint's own.
        soft: judges that are asked for probabilities.

    Raises:
        ValueError: more or fewer folders than judges with weights.
    """
    with_weights = [section["name"] for section in sections if has_weights(section)]
    folder_of = dict(zip(with_weights, folders, strict=True))
    asking = json.loads(options["endpoint"])
    return {
        name: load_judge(
            _as_served(section),
            folder_of.get(name),
            {
                "endpoint": json.dumps(asking.get(name, {})),
                "answers": str(Path(options["answers"]) / name),
            },
            max_failure_shares.get(name),
            soft=name in soft,
        )
        for name, section in ((section["name"], section) for section in sections)
    }


def _as_served(section: Mapping[str, Any]) -> Mapping[str, Any]:
    if section.get("judging", {}).get("engine") != "vllm_offline":
        return section
    return {**section, "judging": {**section["judging"], "engine": "vllm"}}


def has_weights(section: Mapping[str, Any]) -> bool:
    """Whether a judge is a model in process, whose artifact it needs."""
    kind, backend = section["judge"]["kind"], section["judge"].get("backend")
    return kind in ("bradley_terry", "genrm") or backend == "transformers"

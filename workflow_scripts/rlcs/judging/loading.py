"""Loading judges by their entry in the config."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlcs.answer_formats import STRICT
from rlcs.config.judging import JudgingConfig, ScoresConfig
from rlcs.config.plugins import PluginJudgeConfig
from rlcs.config.untrained_judges import (
    EndpointJudgeConfig,
    LengthJudgeConfig,
    RecordedTeacherConfig,
    WorldTeacherConfig,
)
from rlcs.judging.backends import Access, Backend, Decoding
from rlcs.judging.engines import ask_endpoint, run_model
from rlcs.judging.plugin_judge import PluginJudge
from rlcs.judging.pointwise import JUDGES
from rlcs.judging.rule_based import LengthJudge, OracleJudge, SimulatedTeacher
from rlcs.judging.soft_verdict import check_scores

if TYPE_CHECKING:
    from rlcs.judging.judge import Judge


def load_judge(
    section: Mapping[str, Any],
    folder: Path | None,
    access: Access | None = None,
    max_failure_share: float | None = None,
    *,
    soft: bool = False,
) -> Judge:
    """The judge of a section made by ``stage_configs.judge``.

    Args:
        folder: the artifact that holds its ``model``, or the file of a recorded teacher; None for a judge
            without either.
        access: access to the judge, if it is an endpoint or vLLM serves it.
        max_failure_share: replaces an endpoint's own.
        soft: also ask a generative judge for p(a beats b): the votes' share, or with a single vote p from the
            score tokens. A probe on a judge's analyses has a p of its own, asked or not.

    Raises:
        InputError: a plug-in cannot be loaded.
        ValueError: ``soft`` with a single vote, and a score is not a single token. An endpoint's tokenizer is
            not known, so a score of several digits is refused.
    """
    name, entry = section["name"], section["judge"]
    kind = entry["kind"]
    if kind == "oracle":
        return OracleJudge(name)
    if kind == "length":
        return LengthJudge(name, LengthJudgeConfig.model_validate(entry))
    if kind == "plugin":
        return PluginJudge(name, PluginJudgeConfig.model_validate(entry))
    if kind == "scalar":
        return _scalar_judge(section, folder)
    judging = JudgingConfig.model_validate(section["judging"])
    if entry.get("backend") == "file":
        from rlcs.judging.recorded import RecordedTeacher, read_chains

        assert folder is not None, f"judge {name} needs a file of chains"
        recorded = RecordedTeacherConfig.model_validate({**entry, "chains": folder})
        return RecordedTeacher(name, read_chains(folder, recorded), judging.scores)
    if entry.get("backend") == "world":
        return SimulatedTeacher(name, WorldTeacherConfig.model_validate(entry), judging)
    votes, is_probe = entry.get("votes", 1), entry.get("train") == "probe"
    # several votes and a probe have a probability of their own
    answer = entry.get("answer", STRICT)
    scores = judging.scores if soft and votes == 1 and not is_probe and answer == STRICT else None
    backend = _backend(section, folder, judging, access, max_failure_share, scores)
    if is_probe:
        from rlcs.judging.analysis_probe import AnalysisProbeJudge
        from rlcs.judging.probe import Probe

        assert folder is not None, f"judge {name} needs a model"
        return AnalysisProbeJudge(name, backend, judging, Probe.load(folder / "model"))
    return JUDGES[entry.get("reads", "pair")](
        name,
        backend,
        judging,
        votes,
        answer=answer if isinstance(answer, str) else Path(answer["file"]),
        max_unread_share=access.endpoint.get("max_unread_share") if access else None,
    )


def _backend(
    section: Mapping[str, Any],
    folder: Path | None,
    judging: JudgingConfig,
    access: Access | None,
    max_failure_share: float | None,
    scores: ScoresConfig | None,
) -> Backend:
    """The backend of a generative judge."""
    name, entry = section["name"], section["judge"]
    if entry.get("backend") == "openai":
        assert access is not None, f"judge {name} needs the options answers and endpoint"
        if scores is not None:
            check_scores(scores)
        share = {} if max_failure_share is None else {"max_failure_share": max_failure_share}
        endpoint = EndpointJudgeConfig.model_validate(access.complete(entry, **share))
        return ask_endpoint(name, endpoint, access, scores=scores)
    assert folder is not None, f"judge {name} needs a model"
    decoding = Decoding(
        judging.engine,
        judging.max_new_tokens,
        judging.batch_size,
        judging.vllm,
        temperature=entry.get("temperature", 0.0),
    )
    return run_model(name, folder, decoding, access, scores=scores, max_failure_share=max_failure_share)


def _scalar_judge(section: Mapping[str, Any], folder: Path | None) -> Judge:
    from rlcs.judging.probe import NAME, ProbeJudge
    from rlcs.judging.scalar import ScalarJudge

    name, template, batch_size = section["name"], section["writing"]["template"], section["batch_size"]
    assert folder is not None, f"judge {name} needs a model"
    if (folder / "model" / NAME).exists():
        return ProbeJudge.load_probe(name, folder / "model", template, batch_size)
    return ScalarJudge.load(name, folder / "model", template, batch_size)


def load_judges(
    sections: Sequence[Mapping[str, Any]],
    folders: Sequence[Path],
    access: Access,
    max_failure_shares: Mapping[str, float],
    soft: Collection[str] = (),
) -> dict[str, Judge]:
    """Load several judges by name, beside a training: vLLM serves, its offline engine needs the process.

    Args:
        sections: made by ``stage_configs.judge``.
        folders: artifacts of the judges that have weights, in the order of ``sections``.
        access: access to all of them (``Access.to``).
        max_failure_shares: replacements by judge; a judge without one keeps its endpoint's own.
        soft: names of the judges that are asked for probabilities.

    Raises:
        ValueError: the number of folders is not that of the judges with weights.
    """
    with_weights = [section["name"] for section in sections if has_weights(section)]
    folder_of = dict(zip(with_weights, folders, strict=True))
    return {
        name: load_judge(
            _as_served(section),
            folder_of.get(name),
            access.to(name),
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
    """True if a judge is a model of the run, so that it needs the model's artifact."""
    judge = section["judge"]
    return judge["kind"] == "scalar" or is_model(judge)


def gives_probability(section: Mapping[str, Any]) -> bool:
    """True if p can be asked of a judge at no price: a model of the run with a line of scores of one token.

    An endpoint is not asked. Not all of them give log probabilities, and answers that are stored without them
    would be asked and paid for again.
    """
    judge = section["judge"]
    if not is_model(judge) or judge.get("answer", STRICT) != STRICT:
        return False
    return ScoresConfig.model_validate(section["judging"]["scores"]).are_digits


def is_model(judge: Mapping[str, Any]) -> bool:
    """True if a judge's entry is a generative model of the run, not an endpoint or the world's teacher."""
    return judge["kind"] == "generative" and judge.get("backend", "transformers") == "transformers"

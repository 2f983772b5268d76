"""What ``plan`` needs to know of the config: every stage that puts a brought model on a GPU."""

from __future__ import annotations

from typing import Any

from rlcs.config import lineage
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.judges import ScalarJudgeConfig
from rlcs.config.judging import ModelVerifierConfig
from rlcs.config.schema import Config
from rlcs.planning.stage_configs import SectionDict, is_served, plain, policy_judges, policy_verifier


def plan(config: Config) -> SectionDict:
    """Stages that train, and stages that judge or write with a model in process."""
    stages = [
        (registry, name, entry, base)
        for registry in ("judges", "policies")
        for name, entry in getattr(config, registry).items()
        if (base := _base(config, registry, name)) is not None
    ]
    return {
        "trainings": [
            {"key": f"{registry}.{name}", "base": base, **_training(config, registry, name, entry)}
            for registry, name, entry, base in stages
            if hasattr(entry, "training")
        ],
        "answering": [
            {"base": base, **_answering(config, registry, name, entry)}
            for registry, name, entry, base in stages
        ],
    }


def _base(config: Config, registry: str, name: str) -> SectionDict | None:
    """The brought model that an entry comes from; None for one of the tiny world, or none at all."""
    models = getattr(config, registry)
    first = lineage.lineage(models, name)[-1]
    base = config.bases.get(getattr(models[first], "base", None) or "")
    return plain(base) if isinstance(base, PretrainedBaseConfig) else None


def _training(config: Config, registry: str, name: str, entry: Any) -> SectionDict:
    asked = policy_judges(config, name) if registry == "policies" else []
    beside = [
        judge for judge in asked if config.serving.gpus == 0 or not is_served(config, config.judges[judge])
    ]
    story, answer = config.sampling.max_new_tokens, config.judging.max_new_tokens
    held = [
        {"base": base, "batch_size": config.judging.batch_size, "tokens": 2 * story + answer}
        for judge in beside
        if (base := _base(config, "judges", judge)) is not None
    ]
    reader = config.verifiers.get((policy_verifier(config, name) if registry == "policies" else None) or "")
    if isinstance(reader, ModelVerifierConfig) and isinstance(
        read := config.bases[reader.base], PretrainedBaseConfig
    ):
        tokens = story + reader.max_new_tokens
        held.append({"base": plain(read), "batch_size": reader.batch_size, "tokens": tokens})
    return {
        "lora": entry.lora.r if entry.lora else None,
        "launch": str(entry.launch) if entry.launch else None,
        **_lengths(config, registry, entry),
        "judges": held,
    }


def _lengths(config: Config, registry: str, entry: Any) -> SectionDict:
    """How many stories a prompt holds, how long one is, and how long an answer."""
    judges = registry == "judges"
    story = config.sampling.max_new_tokens
    if judges and isinstance(entry, ScalarJudgeConfig):
        return {"stories": 1, "story_tokens": story, "answer_tokens": 0}
    answer = config.judging.max_new_tokens if judges else story
    return {"stories": 2 if judges else 0, "story_tokens": story, "answer_tokens": answer}


def _answering(config: Config, registry: str, name: str, entry: Any) -> SectionDict:
    judges = registry == "judges"
    return {
        "key": f"{name} {'judges' if judges else 'writes'}",
        **_lengths(config, registry, entry),
        "key_of_batch": "judging.batch_size" if judges else "sampling.batch_size",
        "batch_size": config.judging.batch_size if judges else config.sampling.batch_size,
        "vllm": dict(config.judging.vllm) if judges and is_served(config, entry) else None,
    }

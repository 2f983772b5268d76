"""Which part of the config each stage depends on: plain dictionaries with sorted keys, nothing else.

A section is a rule's ``config`` param, so that a stage reruns where its own part of the config has changed
and only there. Scripts read their section back with the models of ``entries`` and ``judge_entries``.
"""

import json
from typing import Any

from pydantic import BaseModel

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.judges import (
    EndpointJudgeConfig,
    GenerativeJudgeConfig,
    GenrmGRPOConfig,
    GenrmSFTConfig,
    ScalarJudgeConfig,
    WorldTeacherConfig,
)
from rlcs.config.judging import EndpointVerifierConfig
from rlcs.config.schema import Config
from rlcs.config.world import WorldBaseConfig

SectionDict = dict[str, Any]

# Read where a judge answers, not where it is trained.
_ANSWERING = {"max_new_tokens", "batch_size", "engine", "vllm"}

# Read where a judge is trained; its weights are an input where it answers.
_TRAINING = {"training", "label_sources", "launch"}

# A file that is an input: its content counts, wherever it lies.
INPUTS = {"launch"}

# What an endpoint's answers depend on; the rest is where, how fast and at which price it is asked.
_QUESTION = {"kind", "train", "backend", "model", "sampling", "votes"}
_REACHING = EndpointConfig.model_fields.keys() - _QUESTION


def plain(model: BaseModel, exclude: set[str] | None = None) -> SectionDict:
    """As JSON would hold it, so that paths and tuples are builtins."""
    plain: SectionDict = json.loads(model.model_dump_json(exclude=exclude))
    return plain


def world(config: Config) -> SectionDict:
    return {"world": plain(config.world)}


def ingest(config: Config) -> SectionDict:
    """The files are inputs: their content counts, wherever they lie."""
    return {"data": plain(config.data, exclude={"preferences", "contexts"}), "synthetic": config.synthetic}


def base(config: Config, name: str) -> SectionDict:
    entry = config.bases[name]
    section: SectionDict = {"base": plain(entry, exclude={"shape"})}
    if isinstance(entry, WorldBaseConfig):
        section["training"] = config.training
        section["templates"] = {"judge": config.judging.template, "policy": config.writing.template}
    return section


def judge(config: Config, name: str) -> SectionDict:
    """What a judge needs to answer."""
    entry = config.judges[name]
    section: SectionDict = {"name": name, "judge": plain(entry, exclude=_TRAINING)}
    if isinstance(entry, EndpointJudgeConfig):
        section["judge"] = {key: value for key, value in section["judge"].items() if key in _QUESTION}
        section["judging"] = plain(config.judging, exclude=_ANSWERING)
    elif isinstance(entry, ScalarJudgeConfig):
        section["writing"] = plain(config.writing)
        section["batch_size"] = config.judging.batch_size
    elif isinstance(entry, GenerativeJudgeConfig):
        section["judging"] = plain(config.judging)
    return section


def teach(config: Config, name: str) -> SectionDict:
    """A judge's section, and whether it also judges the unlabelled pairs: only a consensus needs that."""
    return {
        **judge(config, name),
        "unlabelled": any(name in consensus.teachers for consensus in config.consensus.values()),
    }


def consensus_pairs(config: Config, name: str) -> SectionDict:
    return {"name": name, "consensus": plain(config.consensus[name])}


def endpoint(config: Config, name: str) -> SectionDict:
    """Where, how fast and at which price an endpoint is asked; no stage runs again for it."""
    entry = config.judges[name]
    return plain(entry, exclude=_QUESTION) if isinstance(entry, EndpointJudgeConfig) else {}


def is_served(config: Config, entry: BaseModel) -> bool:
    """Whether a judge's model is run by vLLM."""
    return (
        config.judging.engine != "transformers"
        and writes(entry)
        and not isinstance(entry, WorldTeacherConfig)
    )


def train_judge(config: Config, name: str) -> SectionDict:
    entry = config.judges[name]
    section: SectionDict = {"judge": plain(entry, exclude=INPUTS), "training": config.training}
    if isinstance(entry, ScalarJudgeConfig):
        section["writing"] = plain(config.writing)
    elif isinstance(entry, GenrmSFTConfig | GenrmGRPOConfig):
        section["judging"] = plain(config.judging, exclude=_ANSWERING)
    return section


def train_policy(config: Config, name: str) -> SectionDict:
    entry = config.policies[name]
    section: SectionDict = {
        "policy": plain(entry, exclude=INPUTS),
        "training": config.training,
        "writing": plain(config.writing),
    }
    if entry.train == "grpo":
        # a list, in the order of the judges' artifacts: the keys of a param are sorted
        section["judges"] = [judge(config, judge_name) for judge_name in policy_judges(config, name)]
        if (verifier_name := policy_verifier(config, name)) is not None:
            section["verifier"] = verifier(config, verifier_name)
    return section


def policy_verifier(config: Config, name: str) -> str | None:
    """The verifier that a policy's training asks."""
    entry = config.policies[name]
    return entry.constraints.verifier if entry.train == "grpo" and entry.constraints else None


def verifier(config: Config, name: str) -> SectionDict:
    """What a verifier needs to answer."""
    entry = config.verifiers[name]
    excluded = _REACHING if isinstance(entry, EndpointVerifierConfig) else None
    return {"name": name, "verifier": plain(entry, exclude=excluded)}


def verifier_endpoint(config: Config, name: str) -> SectionDict:
    """As ``endpoint``, of a verifier."""
    entry = config.verifiers[name]
    if not isinstance(entry, EndpointVerifierConfig):
        return {}
    return plain(entry, exclude=EndpointVerifierConfig.model_fields.keys() - _REACHING)


def policy_judges(config: Config, name: str) -> list[str]:
    """The judges that a policy's training asks; none for a policy that is not trained against any."""
    entry = config.policies[name]
    return entry.judges if entry.train == "grpo" else []


def policy_endpoints(config: Config, name: str) -> SectionDict:
    """``endpoint`` of each judge, and of the verifier, that a policy's training asks."""
    asked = {judge_name: endpoint(config, judge_name) for judge_name in policy_judges(config, name)}
    verifier_name = policy_verifier(config, name)
    return asked | ({verifier_name: verifier_endpoint(config, verifier_name)} if verifier_name else {})


def external_stories(name: str) -> SectionDict:
    """The file is an input: its content counts, wherever it lies."""
    return {"policy": name}


def stories(config: Config, name: str) -> SectionDict:
    return {"policy": name, "sampling": plain(config.sampling), "writing": plain(config.writing)}


def matches(config: Config, name: str) -> SectionDict:
    return {"policies": list(config.tables.win_rates.rows), **judge(config, name)}


def writes(judge: BaseModel) -> bool:
    """Whether a judge's answers are texts, of so and so many tokens."""
    return isinstance(judge, GenerativeJudgeConfig)


def groups(config: Config, name: str) -> SectionDict:
    """What a judge needs to answer about groups of stories, and where these come from."""
    assert config.tables.pivots is not None
    return {
        **plain(config.tables.pivots, exclude={"judges"}),
        "writing": plain(config.writing),
        "max_new_tokens": config.sampling.max_new_tokens,
        "batch_size": config.sampling.batch_size,
        "judge": judge(config, name),
    }


def judge_injections(config: Config, name: str) -> SectionDict:
    table = config.tables.injections
    assert table is not None, "a stage of a table that the run does not have"
    return {**judge(config, name), "judging": plain(config.judging), "pairs": table.pairs}


def verified(config: Config, name: str) -> SectionDict:
    """Of the constraint table's verifier, that reads a policy's stories."""
    table = config.tables.constraints
    assert table is not None
    assert table.verifier is not None
    return {"policy": name, **verifier(config, table.verifier)}


def responses(config: Config, name: str) -> SectionDict:
    return {"policy": name, "sampling": plain(config.sampling, exclude={"samples", "contexts"})}

"""The part of the config that each stage depends on, as a plain dictionary.

It is the ``config`` param of the stage's rule: if it changes, the stage runs again. Scripts validate it with
the classes of ``rlcs.config``.
"""

import json
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel

from rlcs.config.bases import StandInBaseConfig
from rlcs.config.benchmarks import BenchmarkConfig
from rlcs.config.endpoints import EndpointConfig, Engine
from rlcs.config.genrm import GenrmRewardConfig
from rlcs.config.judges import JudgeConfig, scores_alone
from rlcs.config.judging import EndpointVerifierConfig
from rlcs.config.lineage import made_policies
from rlcs.config.policies import BestOfPolicyConfig, EndpointPolicyConfig, GRPOPolicyConfig, PolicyConfig
from rlcs.config.schema import Config
from rlcs.config.sources import SourceConfig
from rlcs.config.trained_judges import (
    GenrmGRPOConfig,
    GenrmProbeConfig,
    GenrmSFTConfig,
    GenrmVerdictsConfig,
    ScalarJudgeConfig,
)
from rlcs.config.training import ShapingConfig, TrainedConfig, TrainingPairsConfig
from rlcs.config.untrained_judges import (
    AnswersConfig,
    EndpointJudgeConfig,
    GenerativeJudgeConfig,
    LengthJudgeConfig,
    OracleJudgeConfig,
    RecordedTeacherConfig,
    RewardModelJudgeConfig,
    UntrainedJudgeConfig,
    WorldTeacherConfig,
)
from rlcs.config.world import WorldBaseConfig
from rlcs.planning.plugin_files import plugin_hashes

SectionDict = dict[str, Any]

# Keys for answering, not for training.
_ANSWERING = {"max_new_tokens", "batch_size", "engine", "vllm"}

# Keys for training; a judge that answers has its weights as an input.
_TRAINING = {
    "training",
    "launch",
    "features",
    "folds",
    "headroom",
    "keep_better",
}
_TRAINING |= TrainingPairsConfig.model_fields.keys()
_TRAINING |= GenrmRewardConfig.model_fields.keys() | ShapingConfig.model_fields.keys()

# Keys of files that are inputs: their content counts, not their path.
INPUTS = {"launch"}

# Keys that an endpoint's answers depend on; the others are its address, rate and price.
_QUESTION = {"kind", "train", "backend", "model", "sampling", "votes", "reads", "answer"}

# Keys of a judge's own prompt, which are in its section judging, and the limit, on which no answer depends.
LIMIT = "max_unread_share"
_OWN = {"template", "scores", LIMIT}
_REACHING = EndpointConfig.model_fields.keys() - _QUESTION
# Keys of a policy's sampling that only a model of the run has.
_ENGINE = {"engine", "vllm", "batch_size"}


def plain(model: BaseModel, exclude: set[str] | None = None, include: set[str] | None = None) -> SectionDict:
    """Convert a section to what JSON holds: paths and tuples become builtins."""
    section: SectionDict = json.loads(model.model_dump_json(exclude=exclude, include=include))
    return section


def world(config: Config) -> SectionDict:
    return {"world": plain(config.world)}


def ingest(config: Config) -> SectionDict:
    """The config of the data; its files are inputs, whose content counts and not their path."""
    data = plain(config.data, exclude={"preferences", "contexts"})
    return {"data": data, "synthetic": config.synthetic, **plugin_hashes(config.data)}


def benchmark(config: Config, name: str) -> SectionDict:
    """The config of a benchmark's data, whose contexts are all in the test split."""
    entry = config.benchmarks[name]
    source = plain(
        entry,
        exclude={"preferences", *(BenchmarkConfig.model_fields.keys() - SourceConfig.model_fields.keys())},
    )
    splits = {"train": 0, "validation": 0, "test": 1}
    source["ignore"] = [*entry.ignore, *({"split"} - set(entry.ignore))]
    data = source | {"splits": splits, "subset": {"test": entry.most_pairs}}
    return {"data": data, "benchmark": name}


def judge_benchmark(config: Config, name: str, benchmark_name: str) -> SectionDict:
    """The config of a judge that answers, and the benchmark whose pairs it reads."""
    return {**judge(config, name), "benchmark": benchmark_name}


def base(config: Config, name: str) -> SectionDict:
    entry = config.bases[name]
    section: SectionDict = {"base": plain(entry, exclude={"shape"})}
    if isinstance(entry, StandInBaseConfig):
        section["base"]["of"].pop("shape")
        section["judging"] = plain(config.judging, exclude=_ANSWERING)
        section["writing"] = plain(config.writing)
        section["verifying"] = sorted({verifier.template for verifier in config.verifiers.values()})
    if isinstance(entry, WorldBaseConfig):
        section["training"] = config.training
        section["templates"] = {"judge": config.judging.template, "policy": config.writing.template}
    return section


def _judging(config: Config, entry: JudgeConfig, exclude: Collection[str] = ()) -> SectionDict:
    """The section judging, with the template of single stories for the judges that read them.

    A judge's own template and scores are in the place of the section's.
    """
    reads_story = getattr(entry, "reads", "pair") == "story"
    section = plain(config.judging, exclude={*exclude, *(() if reads_story else ("story_template",))})
    if isinstance(entry, AnswersConfig):
        own = plain(entry)
        if own["template"] is not None:
            section["story_template" if reads_story else "template"] = own["template"]
        if own["scores"] is not None:
            section["scores"] = own["scores"]
    return section


def judge(config: Config, name: str) -> SectionDict:
    """The config of a judge that answers."""
    entry = config.judges[name]
    section: SectionDict = {"name": name, "judge": plain(entry, exclude=_TRAINING | _OWN)}
    section |= plugin_hashes(entry)
    if isinstance(entry, EndpointJudgeConfig):
        section["judge"] = {key: value for key, value in section["judge"].items() if key in _QUESTION}
        section["judging"] = _judging(config, entry, exclude=_ANSWERING)
    elif isinstance(entry, RecordedTeacherConfig):  # its file is an input
        section["judge"].pop("chains")
        section["judging"] = _judging(config, entry, exclude=_ANSWERING)
    elif isinstance(entry, ScalarJudgeConfig | RewardModelJudgeConfig):
        section["writing"] = plain(config.writing)
        section["batch_size"] = config.judging.batch_size
    elif isinstance(entry, GenerativeJudgeConfig):
        section["judging"] = _judging(config, entry)
    return section


def teach(config: Config, name: str) -> SectionDict:
    """A judge's section, and whether it also judges the unlabelled pairs: only a consensus needs that."""
    return {
        **judge(config, name),
        "unlabelled": any(name in consensus.teachers for consensus in config.consensus.values()),
    }


def judge_validation(config: Config, name: str) -> SectionDict:
    """The section of a judge that the gate measures, and the number of validation pairs."""
    assert config.gate is not None, "a stage of a gate that the run does not have"
    return {**judge(config, name), "pairs": config.gate.pairs}


def gate(config: Config, name: str) -> SectionDict:
    """The limits that a judge must keep; the number of pairs is that of the judgements."""
    assert config.gate is not None, "a stage of a gate that the run does not have"
    return {"judge": name, "gate": plain(config.gate, exclude={"pairs"})}


def gated_judges(config: Config, name: str) -> list[str]:
    """The judges that must pass the gate before a policy is made; rules need not, and none without a gate."""
    judges = own_judges(config.policies[name])
    return [judge for judge in judges if config.gate is not None and not is_rule(config.judges[judge])]


def own_judges(policy: PolicyConfig) -> list[str]:
    """The judges that reward a policy in its training, or that choose its stories."""
    if isinstance(policy, GRPOPolicyConfig):
        return [reward.judge for reward in policy.judge_rewards]
    return [policy.best_of.judge] if isinstance(policy, BestOfPolicyConfig) else []


def is_rule(entry: BaseModel) -> bool:
    """True if a judge follows a rule, which knows no labels: the truth, or a count of words."""
    return isinstance(entry, OracleJudgeConfig | LengthJudgeConfig)


def consensus_pairs(config: Config, name: str) -> SectionDict:
    return {"name": name, "consensus": plain(config.consensus[name])}


def endpoint(config: Config, name: str, registry: str = "judges") -> SectionDict:
    """Address, rate and price of the endpoint of a judge or policy, and a judge's limit on unread answers; no
    stage runs again for them."""
    entry = config.models(registry)[name]
    if isinstance(entry, UntrainedJudgeConfig) and entry.parent is None:
        return plain(entry, include={LIMIT})
    return _reaching(config, entry) if isinstance(entry, EndpointConfig) else {}


def _reaching(config: Config, entry: EndpointConfig) -> SectionDict:
    """The keys of an endpoint's entry that its answers do not depend on, and the run's limit on costs."""
    section = plain(entry, exclude=type(entry).model_fields.keys() - {*_REACHING, LIMIT})
    if config.max_cost is not None:
        section["run_cost"] = {"max_cost": config.max_cost, "answers": f"results/{config.run}/answers"}
    return section


def is_served(config: Config, entry: BaseModel) -> bool:
    """True if vLLM runs a judge's model."""
    return (
        config.judging.engine != "transformers"
        and writes(entry)
        and not isinstance(entry, WorldTeacherConfig | RecordedTeacherConfig)
    )


def train_judge(config: Config, name: str) -> SectionDict:
    entry = config.judges[name]
    section: SectionDict = {"judge": plain(entry, exclude=INPUTS)}
    if isinstance(entry, TrainedConfig):
        section["training"] = config.training
    if isinstance(entry, ScalarJudgeConfig):
        section["writing"] = plain(config.writing)
    elif isinstance(entry, GenrmSFTConfig | GenrmVerdictsConfig | GenrmProbeConfig | GenrmGRPOConfig):
        section["judging"] = _judging(config, entry, exclude=_ANSWERING)
    return section


def analyses(config: Config, name: str) -> SectionDict:
    """The config of the analyses that a judge learns from, by the judge that it starts from."""
    entry = config.judges[name]
    assert isinstance(entry, GenrmVerdictsConfig | GenrmProbeConfig), name
    sampling = (
        {"votes": entry.samples, "temperature": entry.temperature}
        if isinstance(entry, GenrmVerdictsConfig)
        else {}  # one, greedily
    )
    writer = UntrainedJudgeConfig(
        kind="generative",
        reads=entry.reads,
        train="none",
        parent=entry.parent,
        base=entry.base,
        **sampling,
    )
    return {
        "name": entry.parent or entry.base,
        "judge": plain(writer, exclude=_OWN),
        "judging": _judging(config, entry),
        "pairs": plain(
            entry, exclude=type(entry).model_fields.keys() - TrainingPairsConfig.model_fields.keys()
        ),
    }


def train_policy(config: Config, name: str) -> SectionDict:
    entry = config.policies[name]
    section: SectionDict = {
        "policy": plain(entry, exclude=INPUTS),
        "training": config.training,
        "writing": plain(config.writing),
        **plugin_hashes(entry),
    }
    if entry.train == "grpo":
        # a list, in the order of the judges' artifacts: the keys of a param are sorted
        section["judges"] = [judge(config, judge_name) for judge_name in policy_judges(config, name)]
        if (verifier_name := policy_verifier(config, name)) is not None:
            section["verifier"] = verifier(config, verifier_name)
    return section


def policy_verifier(config: Config, name: str) -> str | None:
    """The verifier that answers during a policy's training."""
    entry = config.policies[name]
    return entry.constraints.verifier if entry.train == "grpo" and entry.constraints else None


def used_verifiers(config: Config) -> list[str]:
    """List the verifiers of a run: those of policies' trainings and of the table of constraints."""
    names = [policy_verifier(config, policy) for policy in made_policies(config)]
    names += [config.tables.constraints.verifier] if config.tables.constraints else []
    return list(dict.fromkeys(name for name in names if name))


def verifier(config: Config, name: str, *, beside_training: bool = True) -> SectionDict:
    """The config of a verifier that answers; beside a training its model is in the trainer's process."""
    entry = config.verifiers[name]
    if isinstance(entry, EndpointVerifierConfig):
        return {"name": name, "verifier": plain(entry, exclude=_REACHING)}
    section = {"name": name, "verifier": plain(entry), "engine": "transformers"}
    if not beside_training and config.judging.engine != "transformers":
        section |= {"engine": config.judging.engine, "vllm": config.judging.vllm}
    return section


def verifier_endpoint(config: Config, name: str) -> SectionDict:
    """Address, rate and price of a verifier's endpoint, as in ``endpoint``."""
    entry = config.verifiers[name]
    return _reaching(config, entry) if isinstance(entry, EndpointVerifierConfig) else {}


def policy_judges(config: Config, name: str) -> list[str]:
    """The judges that answer during a policy's training; none for other policies."""
    entry = config.policies[name]
    return entry.judges if entry.train == "grpo" else []


def policy_endpoints(config: Config, name: str) -> SectionDict:
    """``endpoint`` of each judge, and of the verifier, that answers during a policy's training."""
    endpoints = {judge_name: endpoint(config, judge_name) for judge_name in policy_judges(config, name)}
    verifier_name = policy_verifier(config, name)
    return endpoints | ({verifier_name: verifier_endpoint(config, verifier_name)} if verifier_name else {})


def external_stories(name: str) -> SectionDict:
    """The name alone; the file is an input, whose content counts and not its path."""
    return {"policy": name}


def policy_engine(config: Config) -> Engine:
    """The program that runs policies."""
    return config.sampling.engine or config.judging.engine


def policy_vllm(config: Config) -> dict[str, bool | int | float | str]:
    """The arguments of vLLM where it runs policies."""
    return config.judging.vllm if config.sampling.vllm is None else config.sampling.vllm


def _writer(config: Config, name: str) -> SectionDict:
    """A policy that writes: its endpoint's question, or the engine that runs its weights."""
    entry = config.policies[name]
    section: SectionDict = {"policy": name, "sampling": plain(config.sampling, exclude=_ENGINE)}
    if isinstance(entry, EndpointPolicyConfig):
        return section | {"endpoint": plain(entry, exclude={*_REACHING, "train"})}
    section["sampling"] |= {"batch_size": config.sampling.batch_size, "engine": policy_engine(config)}
    if policy_engine(config) != "transformers":
        section["sampling"]["vllm"] = policy_vllm(config)
    return section


def stories(config: Config, name: str) -> SectionDict:
    return {**_writer(config, name), "writing": plain(config.writing)}


def candidates(config: Config, name: str) -> SectionDict:
    """The stories of which a judge chooses; other draws than the stories of the parent's own row."""
    section = {**stories(config, str(config.policies[name].parent_name)), "policy": name}
    section["sampling"]["samples"] *= best_of(config, name)["candidates"]
    return section | {"purpose": "candidates"}


def best_of(config: Config, name: str) -> SectionDict:
    """The config of a judge that chooses stories."""
    entry = config.policies[name]
    assert isinstance(entry, BestOfPolicyConfig), "a stage of another kind of policy"
    return {
        **plain(entry.best_of),
        "judge": judge(config, entry.best_of.judge),
        "scores_alone": scores_alone(config.judges[entry.best_of.judge]),
    }


def matches(config: Config, name: str) -> SectionDict:
    """The config of a judge of matches, and the pairs that meet in all contexts if others do not."""
    table = config.tables.win_rates
    section: SectionDict = {"policies": list(table.rows), **judge(config, name)}
    if table.matrix_contexts is not None:
        section["few"] = {"contexts": table.matrix_contexts, "but": compared_pairs(config)}
    return section


def compared_pairs(config: Config) -> list[list[str]]:
    """The pairs of policies whose win rate a table or an effect states: each against the reference, and those
    of effects."""
    rows, reference = config.tables.win_rates.rows, config.tables.win_rates.reference
    pairs = [[reference, row] for row in rows if reference is not None and row != reference]
    pairs += [effect.systems for effect in config.effects if effect.metric == "win_rate"]
    return [list(pair) for pair in sorted({tuple(sorted(pair)) for pair in pairs})]


def writes(judge: BaseModel) -> bool:
    """True if a judge's answers are texts."""
    return isinstance(judge, GenerativeJudgeConfig)


def groups(config: Config, name: str) -> SectionDict:
    """The config of a judge that compares groups of stories, and of the stories."""
    assert config.tables.pivots is not None
    return {
        **plain(config.tables.pivots, exclude={"judges"}),
        "writing": plain(config.writing),
        "max_new_tokens": config.sampling.max_new_tokens,
        "batch_size": config.sampling.batch_size,
        "scores_alone": scores_alone(config.judges[name]),
        "judge": judge(config, name),
    }


def judge_injections(config: Config, name: str) -> SectionDict:
    """The config of a judge under prompt injection, and the scores that injections ask it for."""
    table = config.tables.injections
    assert table is not None, "a stage of a table that the run does not have"
    own = judge(config, name)
    scores = own["judging"]["scores"] if "judging" in own else plain(config.judging.scores)
    return {**own, "scores": scores, "pairs": table.pairs}


def verified(config: Config, name: str) -> SectionDict:
    """The config of the constraint table's verifier, which reads a policy's stories."""
    table = config.tables.constraints
    assert table is not None
    assert table.verifier is not None
    return {"policy": name, **verifier(config, table.verifier, beside_training=False)}


def instructions(config: Config) -> SectionDict:
    """The data set on a hub that prompts with instructions come from."""
    assert config.tables.ifeval is not None, "a stage of a table that the run does not have"
    assert config.tables.ifeval.hub is not None, "prompts come from a file"
    return {"hub": plain(config.tables.ifeval.hub)}


def responses(config: Config, name: str) -> SectionDict:
    section = _writer(config, name)
    for key in ("samples", "contexts"):
        del section["sampling"][key]
    return section

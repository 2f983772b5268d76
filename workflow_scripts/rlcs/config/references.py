"""Checks between entries: a name must be that of an entry that fits its use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from types import NoneType
from typing import TYPE_CHECKING

from rlcs.answer_formats import STRICT
from rlcs.config.bases import is_reward_model
from rlcs.config.endpoints import EndpointConfig
from rlcs.config.judges import knows_world_alone, scores_alone
from rlcs.config.judging import LARGEST_DIGIT, ModelVerifierConfig
from rlcs.config.lineage import learns_from, lineage, made_policies, number_at
from rlcs.config.policies import (
    BasePolicyConfig,
    BestOfPolicyConfig,
    DPOPolicyConfig,
    EndpointPolicyConfig,
    ExternalPolicyConfig,
    GRPOPolicyConfig,
)
from rlcs.config.section import TRL_GROUP_SIZE
from rlcs.config.story_rewards import StoryRewardConfig
from rlcs.config.tables import METRICS
from rlcs.config.trained_judges import (
    GenrmGRPOConfig,
    GenrmProbeConfig,
    GenrmSFTConfig,
    GenrmVerdictsConfig,
)
from rlcs.config.training import TrainingPairsConfig
from rlcs.config.untrained_judges import (
    AnswersConfig,
    GenerativeJudgeConfig,
    OracleJudgeConfig,
    RecordedTeacherConfig,
    RewardModelJudgeConfig,
    UntrainedJudgeConfig,
    WorldTeacherConfig,
)
from rlcs.config.world import WorldBaseConfig
from rlcs.records import BASELINES, HUMAN

if TYPE_CHECKING:
    from rlcs.config.schema import Config


# Entries that start from a base, or from another entry.
STARTS_FROM_EITHER = (
    UntrainedJudgeConfig,
    GenrmVerdictsConfig,
    GenrmProbeConfig,
    GenrmGRPOConfig,
    GRPOPolicyConfig,
    DPOPolicyConfig,
)

# Trained judges whose verdict is in what they write.
GENRMS = (GenrmSFTConfig, GenrmVerdictsConfig, GenrmGRPOConfig)


Problems = Iterator[str]


def reference_problems(config: Config) -> list[str]:
    """List every offence, as "key: what is wrong"."""
    parts = (
        _models,
        _judges,
        _recorded,
        _teachers,
        _consensus,
        _bases,
        _policies,
        _verifiers,
        _endpoints,
        _effects,
        _tables,
        _win_rates,
        _sweeps,
        _sharing,
    )
    return [problem for part in parts for problem in part(config)]


def _known(config: Config, key: str, name: str | None, registry: str) -> Problems:
    names = getattr(config, registry)
    if name is not None and name not in names:
        yield f"{key}: {name!r} is not under {registry} ({', '.join(names)})"


def _teaches(config: Config, key: str, name: str) -> Problems:
    yield from _known(config, key, name, "judges")
    if not isinstance(config.judges.get(name), GenerativeJudgeConfig | None):
        yield f"{key}: {name!r} is not a judge of kind 'generative'"
    if isinstance(config.judges.get(name), GenrmProbeConfig):
        yield (
            f"{key}: {name!r} has train: probe, so its verdict is not in what it writes; name the judge that "
            "it reads, or another one"
        )


def _teaches_chains(config: Config, key: str, name: str) -> Problems:
    yield from _teaches(config, key, name)
    entry = config.judges.get(name)
    if isinstance(entry, AnswersConfig) and (entry.answer != STRICT or entry.scores is not None):
        other = "scores" if entry.answer == STRICT else "answer"
        yield (
            f"{key}: {name!r} has {other}: {getattr(entry, other)}, but a chain that is learned must end in "
            f"the run's own line of scores: leave {other} out and ask for that line in its template, or name "
            "another teacher"
        )


def _models(config: Config) -> Problems:
    for registry in ("judges", "policies"):
        models = config.models(registry)
        for name, model in models.items():
            key = f"{registry}.{name}"
            base, parent = model.base_name, model.parent_name
            yield from _known(config, f"{key}.base", base, "bases")
            yield from _known(config, f"{key}.from", parent, registry)
            yield from _head(config, f"{key}.base", base, isinstance(model, RewardModelJudgeConfig))
            starts_from_either = isinstance(model, STARTS_FROM_EITHER)
            if starts_from_either and (base is None) == (parent is None):
                yield f"{key}: needs either 'from' or 'base', has {'both' if base else 'neither'}"
            if len(set(line := lineage(models, name))) < len(line):
                yield f"{key}.from: cycle {' -> '.join(line)}"


def _head(config: Config, key: str, name: str | None, scalar: bool) -> Problems:
    if name in config.bases and is_reward_model(config.bases[name]) != scalar:
        rule = (
            "a base of kind reward_model is for judges with kind: scalar and train: none, which take no other"
        )
        yield f"{key}: {name!r} is of kind {config.bases[name].kind!r}: {rule}"


def _judges(config: Config) -> Problems:
    for name, judge in config.judges.items():
        key = f"judges.{name}"
        if isinstance(judge, GenrmSFTConfig) and judge.teacher is not None:
            yield from _teaches_chains(config, f"{key}.teacher", judge.teacher)
            recorded = isinstance(config.judges.get(judge.teacher), RecordedTeacherConfig)
            if recorded and judge.chains != "unfiltered":
                yield (
                    f"{key}.chains: {judge.teacher!r} has a file's chains, in one order of each pair, and "
                    "the filter needs both: set chains: unfiltered"
                )
        if isinstance(judge, GenrmGRPOConfig):
            yield from _genrm_rewards(config, name, judge)
        if isinstance(judge, TrainingPairsConfig):
            yield from _pairs(config, f"{key}.label_sources", judge)
            yield from _human_labels(config, f"{key}.human_labels", judge)
        if isinstance(judge, GenrmVerdictsConfig | GenrmProbeConfig | GenrmGRPOConfig | UntrainedJudgeConfig):
            parent = config.judges.get(judge.parent or "")
            if not isinstance(parent, (*GENRMS, NoneType)):
                yield (
                    f"{key}.from: {judge.parent!r} is not a trained judge of kind 'generative' whose verdict "
                    "is in what it writes"
                )
        reads_states = isinstance(judge, GenrmProbeConfig) and "states" in judge.features
        if reads_states and config.judging.engine != "transformers":
            yield (
                f"{key}.features: 'states' are read in the job's process, but judging.engine is "
                f"{config.judging.engine!r}: set features to [numbers], or judging.engine to transformers"
            )
        if isinstance(judge, GenerativeJudgeConfig):
            yield from _reads(config, key, judge)
        if isinstance(judge, OracleJudgeConfig | WorldTeacherConfig) and not config.synthetic:
            yield f"{key}: needs the tiny world, but data brings other preferences"


def _recorded(config: Config) -> Problems:
    """A recorded teacher knows the pairs of its file alone, so it judges nothing else."""
    asked: dict[str, Sequence[str | None]] = {
        f"tables.{key}": names for key, names, registry in _named_in_tables(config) if registry == "judges"
    }
    asked |= {f"consensus.{name}.teachers": source.teachers for name, source in config.consensus.items()}
    for name, policy in config.policies.items():
        if isinstance(policy, GRPOPolicyConfig):
            asked[f"policies.{name}.reward"] = policy.judges
        elif isinstance(policy, BestOfPolicyConfig):
            asked[f"policies.{name}.best_of.judge"] = [policy.best_of.judge]
    for key, names in asked.items():
        for judge in names:
            if isinstance(config.judges.get(judge or ""), RecordedTeacherConfig):
                yield f"{key}: {judge!r} has a file's chains, of its pairs in one order: it can only teach"


def _genrm_rewards(config: Config, name: str, judge: GenrmGRPOConfig) -> Problems:
    if judge.reward == "likelihood":
        yield from _single_tokens(config, f"judges.{name}.reward", name, "reward: verdict")
    if judge.evidence is None:
        return
    key, teacher = f"judges.{name}.evidence.teacher", judge.evidence.teacher
    yield from _teaches_chains(config, key, teacher)
    named = [config.consensus[source] for source in judge.label_sources if source in config.consensus]
    known = [consensus for consensus in named if consensus.labels == "verdicts"]
    if HUMAN not in judge.label_sources and not any(teacher in consensus.teachers for consensus in known):
        yield f"{key}: {teacher!r} has no chains of label_sources ({', '.join(judge.label_sources)})"


def _reads(config: Config, key: str, judge: GenerativeJudgeConfig) -> Problems:
    own = isinstance(judge, AnswersConfig) and judge.template is not None
    if judge.reads == "story" and config.judging.story_template is None and not own:
        yield f"{key}.reads: story needs judging.story_template, the prompt with one story, and it is empty"
    for name in (judge.parent_name, getattr(judge, "teacher", None)):
        other = config.judges.get(name or "")
        if isinstance(other, GenerativeJudgeConfig) and other.reads != judge.reads:
            yield f"{key}.reads: {judge.reads!r} must be that of {name!r}, which is {other.reads!r}"


def _pairs(config: Config, key: str, entry: TrainingPairsConfig) -> Problems:
    distilled = entry.teacher if isinstance(entry, GenrmSFTConfig) else None
    for source in entry.label_sources:
        if source == HUMAN:
            continue
        yield from _known(config, key, source, "consensus")
        known = config.consensus.get(source)
        if distilled is not None and known and known.labels == "probability":
            yield (
                f"{key}: consensus.{source} has labels: probability and no chains, but the chains of "
                f"{distilled!r} are learned: leave it out here, and name it at a later stage"
            )
            continue
        teachers = known.teachers if known else None
        if distilled is not None and teachers and distilled not in teachers:
            yield (
                f"{key}: {distilled!r}, whose chains are learned, is not a teacher of "
                f"consensus.{source} ({', '.join(teachers)})"
            )


def _human_labels(config: Config, key: str, entry: TrainingPairsConfig) -> Problems:
    if entry.cohorts is not None and HUMAN not in entry.label_sources:
        yield f"{key}: cohorts are of human labels, and label_sources {entry.label_sources} has no {HUMAN}"
    if entry.human_labels is None:
        return
    if HUMAN not in entry.label_sources:
        yield f"{key}: label_sources {entry.label_sources} has no {HUMAN}: add it, or leave human_labels out"
    limits = {"data.subset.labelled": config.data.subset.labelled}
    limits |= {"world.train_pairs": config.world.train_pairs} if config.synthetic else {}
    for limit, there in limits.items():
        if there is not None and entry.human_labels > there:
            yield f"{key}: {entry.human_labels} labels, but {limit} is {there}"


def _teachers(config: Config) -> Problems:
    """Judges that learn from themselves, by their teacher or by the teachers of their labels."""
    if any(len(set(line := lineage(config.judges, name))) < len(line) for name in config.judges):
        return  # a cycle of ``from``, which _models names
    needed = {name: learns_from(config, judge) for name, judge in config.judges.items()}
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        yield f"judges: cycle of teachers: {' -> '.join(reversed(error.args[1]))}"


def _consensus(config: Config) -> Problems:
    for name, consensus in config.consensus.items():
        if name == HUMAN:
            yield f"consensus.{name}: this name means the pairs that came with labels"
        for teacher in consensus.teachers:
            key = f"consensus.{name}.teachers"
            if consensus.labels == "verdicts":
                yield from _teaches(config, key, teacher)
            else:
                yield from _known(config, key, teacher, "judges")


def _bases(config: Config) -> Problems:
    for name, base in config.bases.items():
        if isinstance(base, WorldBaseConfig) and not config.synthetic:
            yield f"bases.{name}: needs the tiny world, but data brings other preferences"


def _policies(config: Config) -> Problems:
    for name, policy in config.policies.items():
        key = f"policies.{name}"
        parent = config.policies.get(policy.parent_name or "")
        if not (isinstance(policy, BestOfPolicyConfig) and isinstance(parent, EndpointPolicyConfig)):
            yield from _has_weights(config, f"{key}.from", policy.parent_name)
        if isinstance(policy, BestOfPolicyConfig):
            yield from _known(config, f"{key}.best_of.judge", policy.best_of.judge, "judges")
            if policy.best_of.probability == "soft":
                yield from _single_tokens(config, f"{key}.best_of.probability", policy.best_of.judge)
        elif isinstance(parent, BasePolicyConfig):
            yield f"{key}.from: {policy.parent_name!r} is not trained; put base: {parent.base} in its place"
        if isinstance(policy, DPOPolicyConfig):
            yield from _pairs(config, f"{key}.label_sources", policy)
            yield from _human_labels(config, f"{key}.human_labels", policy)
        if isinstance(policy, GRPOPolicyConfig):
            yield from _grpo_policy(config, key, policy)


def _has_weights(config: Config, key: str, name: str | None) -> Problems:
    policy = config.policies.get(name or "")
    if isinstance(policy, ExternalPolicyConfig):
        yield f"{key}: {name!r} is stories from a file, not a model"
    if isinstance(policy, EndpointPolicyConfig):
        yield f"{key}: {name!r} is behind an endpoint and has no weights here"
    if isinstance(policy, BestOfPolicyConfig):
        yield f"{key}: {name!r} is a choice among stories of {policy.parent!r}, not a model"


def _grpo_policy(config: Config, key: str, policy: GRPOPolicyConfig) -> Problems:
    if policy.select is not None:
        yield from _known(config, f"{key}.select.judge", policy.select.judge, "judges")
    group_size = policy.training.get("num_generations", TRL_GROUP_SIZE)
    for index, reward in enumerate(policy.rewards):
        if not isinstance(reward, StoryRewardConfig):
            continue
        reward_key = f"{key}.reward" + (f".{index}" if isinstance(policy.reward, list) else "")
        yield from _known(config, f"{reward_key}.judge", reward.judge, "judges")
        judge = config.judges.get(reward.judge)
        if reward.kind == "scalar" and judge is not None and not scores_alone(judge):
            yield f"{reward_key}.kind: {reward.judge!r} does not score a story by itself"
        if reward.probability == "soft":
            yield from _single_tokens(config, f"{reward_key}.probability", reward.judge)
        if isinstance(group_size, int) and reward.pivots >= group_size:
            yield f"{reward_key}.pivots: {reward.pivots} must be less than num_generations = {group_size}"
    if policy.constraints is not None:
        yield from _known(config, f"{key}.constraints.verifier", policy.constraints.verifier, "verifiers")
    several = policy.training.get("multi_objective_aggregation", "sum_then_normalize")
    for part in ("constraints", "diversity"):
        if getattr(policy, part) is not None and several != "sum_then_normalize":
            yield (
                f"{key}.training.multi_objective_aggregation: {several!r} takes no mean of a group, "
                f"which the key {part} needs"
            )


HARD = "probability: hard, or several votes of the judge"


def _single_tokens(config: Config, key: str, judge: str, instead: str = HARD) -> Problems:
    """A judge's probability is read from its two score tokens, so each score must be a single token."""
    entry, scores = config.judges.get(judge), config.judging.scores
    is_model = isinstance(entry, GenerativeJudgeConfig) and not isinstance(
        entry, WorldTeacherConfig | GenrmProbeConfig
    )
    if not is_model or getattr(entry, "votes", 1) > 1:
        return
    if isinstance(entry, AnswersConfig):
        scores = entry.scores or scores
        if entry.answer != STRICT:
            yield (
                f"{key}: the probability of {judge!r} is read from its score tokens, but its answer is "
                f"{entry.answer!r}, not {STRICT!r}: take {instead}"
            )
            return
    if not scores.are_digits:
        yield (
            f"{key}: the probability of {judge!r} is read from its score tokens, so each score must be a "
            f"single token, from 0 to {LARGEST_DIGIT}, but judging.scores is {scores.low} to {scores.high}: "
            f"set judging.scores to {{low: 1, high: {LARGEST_DIGIT}}} and name these in judging.template, or "
            f"take {instead}"
        )


def _verifiers(config: Config) -> Problems:
    for name, verifier in config.verifiers.items():
        if isinstance(verifier, ModelVerifierConfig):
            yield from _known(config, f"verifiers.{name}.base", verifier.base, "bases")
            yield from _head(config, f"verifiers.{name}.base", verifier.base, scalar=False)
        if name in config.judges:
            yield f"verifiers.{name}: a judge has the same name"


def _endpoints(config: Config) -> Problems:
    """If costs are limited, the longest answer must be known; policies have the run's sampling."""
    for registry, entries in (("judges", config.judges), ("verifiers", config.verifiers)):
        for name, entry in entries.items():
            if not isinstance(entry, EndpointConfig) or entry.longest_answer is not None:
                continue
            limits = [f"{registry}.{name}.max_cost"] if entry.max_cost is not None else []
            limits += ["max_cost"] if config.max_cost is not None else []
            if limits:
                yield (
                    f"{registry}.{name}.sampling: {limits[0]} limits costs, so the longest answer must be "
                    "known: set max_tokens"
                )


def _effects(config: Config) -> Problems:
    for number, effect in enumerate(config.effects):
        for name in effect.systems:
            yield from _known(config, f"effects.{number}.systems", name, METRICS[effect.metric].registry)


def _named_in_tables(config: Config) -> list[tuple[str, Sequence[str | None], str]]:
    """Each key of a table that names entries, its names, and their registry."""
    tables = config.tables
    return [
        ("alignment.rows", tables.alignment.rows, "judges"),
        ("benchmarks.rows", tables.benchmarks.rows if tables.benchmarks else (), "judges"),
        ("injections.judges", tables.injections.judges if tables.injections else (), "judges"),
        ("win_rates.rows", tables.win_rates.rows, "policies"),
        ("win_rates.judges", tables.win_rates.judges, "judges"),
        ("gains.rows", tables.gains.rows if tables.gains else (), "policies"),
        ("constraints.rows", tables.constraints.rows if tables.constraints else (), "policies"),
        ("constraints.verifier", [tables.constraints.verifier] if tables.constraints else (), "verifiers"),
        ("ifeval.rows", tables.ifeval.rows if tables.ifeval else (), "policies"),
        ("pivots.judges", tables.pivots.judges if tables.pivots else (), "judges"),
        ("pivots.policy", [tables.pivots.policy] if tables.pivots else (), "policies"),
    ]


def _tables(config: Config) -> Problems:
    tables = config.tables
    for key, names, registry in _named_in_tables(config):
        for name in names:
            yield from _known(config, f"tables.{key}", name, registry)
    for name in tables.injections.judges if tables.injections else ():
        other = config.judges.get(name)
        if isinstance(other, AnswersConfig) and other.answer != STRICT:
            yield (
                f"tables.injections.judges: {name!r} has answer: {other.answer}, but injections ask for a "
                "line of scores: leave it out"
            )
    if tables.benchmarks and not config.benchmarks:
        yield "tables.benchmarks: the run has no benchmarks: name one under benchmarks, or leave it out"
    for name in tables.benchmarks.rows if tables.benchmarks else ():
        if name in config.judges and knows_world_alone(config.judges[name]):
            yield f"tables.benchmarks.rows: {name!r} judges stories of the tiny world alone"
    if config.benchmarks and not config.benchmark_judges:
        yield (
            "benchmarks: no judge of tables.alignment.rows can judge other texts than the tiny world's: name "
            "others in tables.benchmarks.rows"
        )
    for name in tables.gains.rows if tables.gains else ():
        if name not in tables.win_rates.rows:
            yield f"tables.gains.rows: {name!r} is not among tables.win_rates.rows"
        policy = config.policies.get(name)
        rewarding = (
            [getattr(reward, "judge", "a function") for reward in policy.rewards]
            if isinstance(policy, GRPOPolicyConfig)
            else []
        )
        if name in config.policies and (len(rewarding) != 1 or rewarding == ["a function"]):
            yield f"tables.gains.rows: {name!r} is rewarded by {rewarding or 'no judge'}, not by one judge"
    for name in tables.ifeval.rows if tables.ifeval else ():
        if not isinstance(config.policies.get(name), EndpointPolicyConfig):
            yield from _has_weights(config, "tables.ifeval.rows", name)
    if tables.pivots is not None:
        yield from _has_weights(config, "tables.pivots.policy", tables.pivots.policy)
        for judge in tables.pivots.judges:
            yield from _single_tokens(config, "tables.pivots.judges", judge)
        if not config.synthetic:
            yield "tables.pivots: needs the tiny world, but data.preferences names files"


def _win_rates(config: Config) -> Problems:
    """The table that compares policies, and what needs it; a run of judges alone has neither."""
    table = config.tables.win_rates
    if table.rows:
        if table.reference not in table.rows:
            yield f"tables.win_rates.reference: {table.reference!r} is not among its rows"
        return
    needing = ["human"] if config.human else []
    needing += ["tables.constraints"] if config.tables.constraints else []
    needing += [f"effects.{i}" for i, effect in enumerate(config.effects) if effect.metric == "win_rate"]
    for key in needing:
        yield f"{key}: needs tables.win_rates, which compares policies: name its rows, reference and judges"
    if config.policies and not made_policies(config):
        yield "policies: no table names one: name them in tables.win_rates, or take them out"


def _sharing(config: Config) -> Problems:
    for name in config.sharing.licenses:
        yield from _known(config, "sharing.licenses", name, "bases")


def _sweeps(config: Config) -> Problems:
    for name, sweep in config.sweeps.items():
        table = config.tables.win_rates if sweep.table == "win_rates" else config.tables.alignment
        lines = table.rows + (list(BASELINES) if sweep.table == "alignment" else [])
        for line in sweep.lines:
            if line not in lines:
                yield f"sweeps.{name}.lines: {line!r} is not among tables.{sweep.table}.rows"
        for label, entries in sweep.series.items():
            key = f"sweeps.{name}.series.{label}"
            found: dict[float, str] = {}
            for entry in entries:
                if entry not in table.rows:
                    yield f"{key}: {entry!r} is not among tables.{sweep.table}.rows"
                    continue
                x = number_at(config, sweep.registry, entry, sweep.x)
                if x is None:
                    yield (
                        f"sweeps.{name}.x: {sweep.registry}.{entry} states no number at {sweep.x!r}: "
                        "write it in the entry (a default of the trainer does not count)"
                    )
                elif sweep.log_x and x <= 0:
                    yield f"sweeps.{name}.log_x: {entry!r} has {x:g}, which a logarithmic axis cannot show"
                elif (other := found.setdefault(x, entry)) != entry:
                    yield f"{key}: {other!r} and {entry!r} have the same {sweep.x}, {x:g}"

"""Hours and money of the stages in which models answer: judges, and policies that write stories.

Lengths are not known before the data is read. They are the longest that the config allows, as in
``gpu_plan``, so hours and money are upper estimates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rlcs.config.bases import ShapeConfig
from rlcs.config.endpoints import EndpointConfig
from rlcs.config.lineage import trained_models
from rlcs.config.policies import BestOfPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.trained_judges import GenrmProbeConfig, GenrmVerdictsConfig
from rlcs.config.training import LearnedConfig
from rlcs.planning import gpu_memory
from rlcs.planning.gpu_plan import (
    PROMPT_TOKENS,
    SHARE_REACHED,
    TERABYTES_PER_SECOND,
    TERAFLOPS,
    GpuModel,
    gpu_models,
    shape_of,
    weight_bytes,
)
from rlcs.planning.job_resources import answering_gpus, writing_gpus
from rlcs.planning.stage_configs import compared_pairs, is_served, policy_engine
from rlcs.planning.table_configs import JUDGE_METRICS, answers_per_comparison, effect_systems, gains, gates

ORDERS_SHOWN = 2  # a pair is judged in both orders
INJECTION_KINDS = 14  # about as many as ``injection_texts`` has


@dataclass(frozen=True)
class AnswerCount:
    """The answers of one rule's job.

    Attributes:
        model: the judge or policy.
        number: answers of each job; None if it is not known before the data is read.
        seeds: number of such jobs.
    """

    rule: str
    registry: str
    model: str
    number: int | None
    seeds: int = 1


@dataclass(frozen=True)
class AnswerPlan:
    """Hours on GPUs like an A100, or money of an endpoint, for each job of ``answers``."""

    answers: AnswerCount
    gpus: int = 0
    hours: float = 0.0
    money: float = 0.0

    def __str__(self) -> str:
        jobs = f"{self.answers.seeds} jobs" if self.answers.seeds > 1 else "1 job"
        gpus = f"{self.gpus} A100{'s' if self.gpus > 1 else ''}"
        price = (
            f"{self.hours:.2g} h on {gpus}" if self.gpus else f"{self.money:,.2f} at the endpoint's prices"
        )
        return (
            f"{self.answers.rule} {self.answers.model}: {self.answers.number:,} answers, at most {price} "
            f"each, {jobs}"
        )

    @property
    def gpu_hours(self) -> float:
        """GPU hours of one job."""
        return self.hours * self.gpus


def held_out_pairs(config: Config) -> int | None:
    """Number of labelled test pairs."""
    return config.world.test_pairs if config.synthetic else config.data.subset.test


def training_pairs(config: Config, *, unlabelled: bool) -> int | None:
    """Number of training pairs, with those without a label or not; None if the data says it."""
    labelled, others = config.data.subset.labelled, config.data.subset.unlabelled
    if config.synthetic:
        labelled, others = config.world.train_pairs, config.world.unlabelled_pairs
    if labelled is None or (unlabelled and others is None):
        return None
    return labelled + (others or 0 if unlabelled else 0)


def match_count(config: Config) -> int:
    """Matches of each judge and seed, as ``matches.thinned`` leaves them."""
    table, sampling = config.tables.win_rates, config.sampling
    pairs, whole = len(table.rows) * (len(table.rows) - 1) // 2, len(compared_pairs(config))
    few = (
        sampling.contexts if table.matrix_contexts is None else min(table.matrix_contexts, sampling.contexts)
    )
    return (whole * sampling.contexts + (pairs - whole) * few) * sampling.samples


def _teachers(config: Config) -> list[str]:
    """Judges whose chains or labels other judges learn from."""
    learners = [config.judges[name] for name in trained_models(config, "judges")]
    names = [teacher for entry in learners if (teacher := getattr(entry, "teacher", None))]
    sources = {source for entry in learners for source in getattr(entry, "label_sources", ())}
    names += [
        name for source in config.consensus if source in sources for name in config.consensus[source].teachers
    ]
    return list(dict.fromkeys([*names, *effect_systems(config, "chain_correctness")]))


def _comparisons(config: Config) -> Iterator[tuple[str, str, int | None]]:
    """Rule, judge and number of comparisons of each stage of judging."""
    for teacher in _teachers(config):
        everything = any(teacher in source.teachers for source in config.consensus.values())
        yield "judge_train_pairs", teacher, training_pairs(config, unlabelled=everything)
    rewarding = [judge for _, judge in gains(config)["judge_of"]]
    measured = [*config.tables.alignment.rows, *effect_systems(config, *JUDGE_METRICS), *rewarding]
    for judge in dict.fromkeys(measured):
        yield "judge_test_pairs", judge, held_out_pairs(config)
    most = [entry.most_pairs for entry in config.benchmarks.values()]
    for judge in config.benchmark_judges:
        known = [number for number in most if number is not None]
        yield "judge_benchmark_pairs", judge, sum(known) if len(known) == len(most) else None
    if config.gate is not None:
        for judge in gates(config)["judges"]:
            yield "judge_validation_pairs", judge, config.gate.pairs
    if (injections := config.tables.injections) is not None:
        for judge in injections.judges:
            yield "judge_injections", judge, INJECTION_KINDS * injections.pairs
    for judge in config.tables.win_rates.judges:
        yield "judge_matches", judge, match_count(config)
    if (pivots := config.tables.pivots) is not None:
        for judge in pivots.judges:
            pairs = pivots.group_size * (pivots.group_size - 1) // 2
            yield "judge_groups", judge, pivots.contexts * pairs


def planned_answers(config: Config) -> list[AnswerCount]:
    """The answers of all jobs of a run, but for those of verifiers, whose number the data says."""

    def seeds(judge: str) -> int:
        entry = config.judges[judge]
        return len(config.seeds) if isinstance(entry, LearnedConfig) or entry.parent_name else 1

    found = []
    for rule, judge, pairs in _comparisons(config):
        per_seed = rule in ("judge_matches", "judge_groups")  # the stories are a seed's own
        number = (
            None if pairs is None else pairs * ORDERS_SHOWN * answers_per_comparison(config.judges[judge])
        )
        jobs = 1 if rule == "judge_train_pairs" else len(config.seeds) if per_seed else seeds(judge)
        found.append(AnswerCount(rule, "judges", judge, number, jobs))
    for judge in trained_models(config, "judges"):
        entry = config.judges[judge]
        if isinstance(entry, GenrmVerdictsConfig | GenrmProbeConfig):
            pairs = training_pairs(config, unlabelled=False)
            samples = entry.samples if isinstance(entry, GenrmVerdictsConfig) else 1
            number = None if pairs is None else pairs * ORDERS_SHOWN * samples
            found.append(AnswerCount("write_analyses", "judges", judge, number, len(config.seeds)))
    stories, every = config.sampling.contexts * config.sampling.samples, len(config.seeds)
    for policy in config.tables.win_rates.rows:
        chosen = config.policies[policy]
        if not isinstance(chosen, BestOfPolicyConfig):
            found.append(AnswerCount("sample_stories", "policies", policy, stories, every))
            continue
        candidates, judge = chosen.best_of.candidates, chosen.best_of.judge
        orders = ORDERS_SHOWN if chosen.best_of.orders == "both" else 1
        number = stories * (candidates - 1) * orders * answers_per_comparison(config.judges[judge])
        found.append(AnswerCount("sample_candidates", "policies", chosen.parent, stories * candidates, every))
        found.append(AnswerCount("choose_stories", "judges", judge, number, every))
    return found


def answer_plans(config: Config) -> list[AnswerPlan]:
    """Plan each job whose number of answers and whose model are known, the longest first."""
    shapes: Mapping[tuple[str, str], tuple[GpuModel, ShapeConfig | None]] = {
        (model.registry, model.name): (model, shape_of(model.base)) for model in gpu_models(config)
    }
    plans = []
    for answers in planned_answers(config):
        if not answers.number:
            continue
        entry = config.models(answers.registry)[answers.model]
        model, shape = shapes.get((answers.registry, answers.model), (None, None))
        if isinstance(entry, EndpointConfig):
            plans.append(AnswerPlan(answers, money=_money(config, answers.registry, entry, answers.number)))
        elif model is not None and shape is not None:
            judges = answers.registry == "judges"
            gpus = answering_gpus(config, answers.model) if judges else writing_gpus(config)
            served = is_served(config, entry) if judges else policy_engine(config) != "transformers"
            batch = config.judging.batch_size if judges else config.sampling.batch_size
            hours = answering_hours(
                shape,
                weight_bytes(config, answers.registry, answers.model),
                answers.number,
                model.prompt_tokens,
                model.answer_tokens,
                batch=config.serving.concurrency if served else batch,
            )
            plans.append(AnswerPlan(answers, gpus=gpus, hours=hours / gpus))
    return sorted(plans, key=lambda plan: (-plan.hours, -plan.money))


def answering_hours(
    shape: ShapeConfig, weight_bytes: int, number: int, prompt: int, answer: int, *, batch: int
) -> float:
    """Hours of one A100: 2 N operations a token, read or written (Kaplan et al. 2020, arXiv 2001.08361), and
    the reading of the weights for each token that a batch writes."""
    parameters = gpu_memory.parameters(shape)
    seconds = 2.0 * parameters * number * (prompt + answer) / (TERAFLOPS * 1e12 * SHARE_REACHED)
    reading = weight_bytes * parameters / (TERABYTES_PER_SECOND * 1e12)
    return (seconds + -(-number // batch) * answer * reading) / 3600


def _money(config: Config, registry: str, entry: EndpointConfig, number: int) -> float:
    """Price of so many of an endpoint's longest questions and answers; a judge's holds two stories."""
    story = config.sampling.max_new_tokens
    judges = registry == "judges"
    prompt = PROMPT_TOKENS + (2 * story if judges else 0)
    answer = entry.longest_answer or (config.judging.max_new_tokens if judges else story)
    return number * (prompt * entry.prompt_price + answer * entry.completion_price) / 1e6

"""The hours, money and disk of a run, as far as they are known before it; ``snakemake check`` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlcs.config.lineage import trained_models, training_seeds
from rlcs.config.policies import DPOPolicyConfig, GRPOPolicyConfig, SFTPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.section import ModelConfig
from rlcs.config.trained_judges import GenrmGRPOConfig, GenrmSFTConfig, GenrmVerdictsConfig, ScalarJudgeConfig
from rlcs.planning.answer_plan import AnswerPlan, answer_plans
from rlcs.planning.disk_plan import ModelDisk, disk_lines, disk_of_models
from rlcs.planning.gpu_plan import Plan

# Folders of what answers are written into, by their rules.
_FOLDERS = {
    "judge_train_pairs": "teachers",
    "judge_test_pairs": "alignment",
    "judge_benchmark_pairs": "benchmark_judgements",
    "judge_validation_pairs": "validation",
    "judge_injections": "injections",
    "judge_matches": "matches",
    "judge_groups": "groups",
    "write_analyses": "analyses",
    "sample_stories": "stories",
    "sample_candidates": "candidates",
}

# The rules of trainings, whose time limits the profile sets.
_RULES: dict[type[ModelConfig], str] = {
    ScalarJudgeConfig: "train_bradley_terry",
    GenrmSFTConfig: "train_genrm_sft",
    GenrmVerdictsConfig: "train_genrm_verdicts",
    GenrmGRPOConfig: "train_genrm_grpo",
    SFTPolicyConfig: "train_policy_sft",
    GRPOPolicyConfig: "train_policy_grpo",
    DPOPolicyConfig: "train_policy_dpo",
}


@dataclass(frozen=True)
class RunPlan:
    """The hours, money and disk of a run, as far as they are known before it."""

    config: Config
    trained: Sequence[Plan]
    answered: Sequence[AnswerPlan]
    models: Sequence[ModelDisk]

    @classmethod
    def of(cls, config: Config, planned: Sequence[Plan]) -> RunPlan:
        made = {
            f"{registry}.{name}"
            for registry in ("judges", "policies")
            for name in trained_models(config, registry)
        }
        return cls(
            config, [p for p in planned if p.key in made], answer_plans(config), disk_of_models(config)
        )

    def lines(self, price: object) -> list[str]:
        """The lines of the plan: time and money of each stage and of the whole, and disk.

        Args:
            price: of a GPU hour, if the site names one.
        """
        trained = [
            f"time: {plan.key} trains: "
            + (
                f"at least {plan.hours:.2g} h on {_gpus(plan.gpus)} each, {_jobs(self._seeds(plan))}"
                + _cost(plan.gpu_hours * self._seeds(plan), price)
                if plan.hours is not None
                else "unknown before the data is read (its entry states no max_steps)"
            )
            for plan in self.trained
        ]
        answered = [
            f"time: {plan}{_cost(plan.gpu_hours * plan.answers.seeds, price)}" for plan in self.answered
        ]
        training = sum(plan.gpu_hours * self._seeds(plan) for plan in self.trained)
        answering = sum(plan.gpu_hours * plan.answers.seeds for plan in self.answered)
        endpoints = sum(plan.money * plan.answers.seeds for plan in self.answered)
        unknown = sum(plan.hours is None for plan in self.trained)
        total = (
            f"trainings at least {training:,.0f} GPU hours"
            + (f" without {unknown} of unknown length" if unknown else "")
            + f", answers at most {answering:,.0f}"
            + (
                f", at {price:g} each {(training + answering) * price:,.0f}"
                if isinstance(price, int | float)
                else ""
            )
            + (f"; endpoints at most {endpoints:,.0f}" if endpoints else "")
        )
        return [
            *trained,
            *answered,
            f"total: {total}",
            *(f"disk: {line}" for line in disk_lines(self.models)),
        ]

    def _seeds(self, plan: Plan) -> int:
        registry, _, name = plan.key.partition(".")
        return len(training_seeds(self.config, registry, name))

    def jobs(self) -> dict[str, Plan | AnswerPlan]:
        """The planned jobs by the folder and the model of what they make, such as ``alignment/bt``."""
        answered = {
            f"{folder}/{plan.answers.model}": plan
            for plan in self.answered
            if (folder := _FOLDERS.get(plan.answers.rule))
        }
        return answered | {plan.key.replace(".", "/", 1): plan for plan in self.trained}

    def late(self, limits: Mapping[str, float]) -> tuple[list[str], list[str]]:
        """Trainings that cannot end within all of their attempts, and answers that may not; a line for each.

        Args:
            limits: hours of all attempts by rule, of ``slurm_site.time_limits``.
        """
        cannot = []
        for plan in self.trained:
            registry, _, name = plan.key.partition(".")
            limit = limits.get(_RULES[type(self.config.models(registry)[name])], float("inf"))
            if plan.hours is not None and plan.hours > limit:
                cannot.append(
                    f"{plan.key} needs at least {plan.hours:.3g} h, and all attempts together have "
                    f"{limit:g} h: raise hours of its rule in slurm/config.yaml, launch more processes, or "
                    "lower max_steps"
                )
        may_not = [
            f"{plan} may exceed the {limit:g} h of all attempts together: raise hours of its rule in "
            "slurm/config.yaml, or ask for fewer answers"
            for plan in self.answered
            if plan.hours > (limit := limits.get(plan.answers.rule, float("inf")))
        ]
        return cannot, may_not


def _gpus(number: int) -> str:
    return f"{number} A100{'s' if number > 1 else ''}"


def _jobs(number: int) -> str:
    return f"{number} jobs" if number > 1 else "1 job"


def _cost(gpu_hours: float, price: object) -> str:
    """The end of a stage's line: its price; empty without one."""
    return f": {gpu_hours * price:,.2f}" if isinstance(price, int | float) and gpu_hours else ""

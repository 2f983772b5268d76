"""Reward of a policy whose stories must satisfy constraints: RLMR and its baselines, from one code path.

The writing rewards of a step are summed, the constraints verified, and the config's ``mode`` mixes the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rlcs.config.prompts import Messages
from rlcs.config.story_rewards import ConstraintsConfig
from rlcs.constraints.verification import Check, Verifier, verify
from rlcs.errors import InputError
from rlcs.judging.failures import FailureLimit
from rlcs.models.generation import is_truncated
from rlcs.records import Context
from rlcs.rewards.penalty import all_violate, apply_penalty, fixed_weight_reward, verifier_reward
from rlcs.rewards.writing import Writing, sum_rewards
from rlcs.stages.ranks import gather


@dataclass(frozen=True)
class Violations:
    """Violations of one step's completions on this process; both lists have one value per completion.

    Attributes:
        violator: the completion violates a constraint.
        all_violate: nobody in the completion's group is compliant (``penalty.all_violate``).
    """

    violator: list[bool]
    all_violate: list[bool]


class ConstrainedReward:
    """Writing rewards and constraints as one TRL reward function.

    Args:
        writing: reward functions and their weights; a story's writing reward is ``writing.sum_rewards``. The
            mode ``verifier_only`` needs none.
        group_size: completions of one context, which stand together.
        verifier: answers for constraints of the kind ``described``; without one they are not verified.
        limit, stop_tokens: of completions, as in ``generation.is_truncated``. With a limit a story must also
            end by itself: this is one more constraint of every context. It counts in the rewards and among
            the violations, and not in ``constraint_metrics``, which are about the data's constraints.

    Raises:
        InputError: when called, if too many of the verifier's recent answers failed (``FailureLimit``).
    """

    __name__ = "constrained"

    def __init__(
        self,
        writing: Sequence[tuple[Writing, float]],
        contexts: Mapping[str, Context],
        constraints: ConstraintsConfig,
        *,
        group_size: int,
        verifier: Verifier | None = None,
        limit: int | None = None,
        stop_tokens: Collection[int] = (),
    ) -> None:
        self.writing = writing
        self.contexts = contexts
        self.constraints = constraints
        self.failures = FailureLimit(constraints.max_failure_share, "constraints.max_failure_share")
        self.group_size = group_size
        self.verifier = verifier
        self.limit = limit
        self.stop_tokens = frozenset(stop_tokens)
        self.latest = Violations([], [])

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        completion_ids: Sequence[Sequence[int]],
        context_id: Sequence[str],
        log_metric: Callable[[str, float], None],
        **others: Any,
    ) -> list[float | None]:
        stories = [completion[-1]["content"] for completion in completions]
        inputs = {
            "completions": completions,
            "completion_ids": completion_ids,
            "context_id": context_id,
            "log_metric": log_metric,
            **others,
        }
        writing = sum_rewards(self.writing, inputs)
        satisfied, answers = verify(
            [(self.contexts[name], story) for name, story in zip(context_id, stories, strict=True)],
            self.verifier,
        )
        self._check_failures(gather(answers))
        required = self._with_end(satisfied, completion_ids)
        violated = [sum(check is False for check in of_story) for of_story in required]
        rewards: list[float | None] = []
        all_violating: list[bool] = []
        for start in range(0, len(stories), self.group_size):
            group = slice(start, start + self.group_size)
            known = writing[group] if self.writing else [0.0] * len(violated[group])
            all_violating += [all_violate(known, violated[group])] * len(violated[group])
            rewards += self._group_rewards(writing[group], violated[group], required[group])
        self.latest = Violations([count > 0 for count in violated], all_violating)
        for name, value in constraint_metrics(gather(satisfied), gather(writing)).items():
            log_metric(f"constraints/{name}", value)
        return rewards

    def _with_end(
        self, satisfied: Sequence[Sequence[bool | None]], completion_ids: Sequence[Sequence[int]]
    ) -> Sequence[Sequence[bool | None]]:
        """The checks of each story, and with a limit whether it ended by itself."""
        if self.limit is None:
            return satisfied
        return [
            [*of_story, not is_truncated(ids, self.limit, self.stop_tokens)]
            for of_story, ids in zip(satisfied, completion_ids, strict=True)
        ]

    def _group_rewards(
        self,
        writing: Sequence[float | None],
        violated: Sequence[int],
        satisfied: Sequence[Sequence[bool | None]],
    ) -> list[float | None]:
        rule, share = self.constraints, self.constraints.per_constraint
        match rule.mode:
            case "none":
                return list(writing)
            case "penalty" if all_violate(writing, violated):
                return [0.0] * len(writing)  # the trainer sets the advantages of such a group
            case "penalty":
                return apply_penalty(writing, violated, margin=rule.margin, per_constraint=share)
            case "verifier_only":
                return [verifier_reward(checks, per_constraint=share) for checks in satisfied]
            case "fixed":
                verified = [verifier_reward(checks, per_constraint=share) for checks in satisfied]
                return [
                    fixed_weight_reward(r, v, rule.weight) for r, v in zip(writing, verified, strict=True)
                ]

    def _check_failures(self, checks: Sequence[Check]) -> None:
        failed = [check.satisfied is None for check in checks]
        name = self.verifier.name if self.verifier else None  # only a verifier's answers fail
        what = f"answers of the verifier {name!r} could not be had or read"
        if problem := self.failures.problem(what, sum(failed), len(failed)):
            raise InputError(f"{problem}; raise its max_new_tokens, or take a better model")
        self.failures.add(failed)


def constraint_metrics(
    satisfied: Sequence[Sequence[bool | None]], writing: Sequence[float | None]
) -> dict[str, float]:
    """Metrics of one step's stories and their checks; a metric over nothing is left out.

    Returns:
        ``satisfied``: share of satisfied constraints among those that could be verified;
        ``unverified``: share of those that could not, of all;
        ``writing``: mean writing reward, before anything is mixed into it.
    """
    checks = [check for of_story in satisfied for check in of_story]
    known = [check for check in checks if check is not None]
    metrics = {}
    if known:
        metrics["satisfied"] = sum(known) / len(known)
    if checks:
        metrics["unverified"] = 1 - len(known) / len(checks)
    if any(reward is not None for reward in writing):
        metrics["writing"] = fmean(reward for reward in writing if reward is not None)
    return metrics

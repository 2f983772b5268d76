"""The reward of a policy whose stories must keep constraints: RLMR and its baselines, from one code path.

The writing rewards of a step are summed, the constraints verified, and the two mixed by the entry's mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rlcs.config.policies import ConstraintsConfig
from rlcs.config.prompts import Messages
from rlcs.constraints.verification import Check, Verifier, verify
from rlcs.errors import InputError
from rlcs.records import Context
from rlcs.rewards.penalty import all_violate, apply_penalty, fixed_weight_reward, verifier_reward
from rlcs.stages.ranks import gather

LogMetric = Callable[[str, float], None]
Writing = Callable[..., list[float | None]]


@dataclass(frozen=True)
class Violations:
    """Of one step's completions on this process: which break a constraint, and whose whole group does."""

    violator: list[bool]
    all_violate: list[bool]


class ConstrainedReward:
    """Writing rewards and constraints as one TRL reward function.

    Args:
        writing: reward functions and their weights; a story's writing reward is their weighted sum over those
            that are not None, as TRL's own. None are needed where the mode is ``verifier_only``.
        verifier: answers for constraints of the kind ``described``; without one they are not verified.
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
    ) -> None:
        self.writing = writing
        self.contexts = contexts
        self.constraints = constraints
        self.group_size = group_size
        self.verifier = verifier
        self.latest = Violations([], [])

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        context_id: Sequence[str],
        log_metric: LogMetric,
        **others: Any,
    ) -> list[float | None]:
        stories = [completion[-1]["content"] for completion in completions]
        asked = {"completions": completions, "context_id": context_id, "log_metric": log_metric, **others}
        said = [(reward(**asked), weight) for reward, weight in self.writing]
        writing = [_sum((rewards[i], weight) for rewards, weight in said) for i in range(len(stories))]
        kept, checks = verify(
            [(self.contexts[name], story) for name, story in zip(context_id, stories, strict=True)],
            self.verifier,
        )
        self._check_failures(gather(checks))
        broken = [sum(check is False for check in checks_) for checks_ in kept]
        rewards: list[float | None] = []
        all_violating: list[bool] = []
        for start in range(0, len(stories), self.group_size):
            group = slice(start, start + self.group_size)
            told = writing[group] if self.writing else [0.0] * len(broken[group])
            all_violating += [all_violate(told, broken[group])] * len(broken[group])
            rewards += self._group(writing[group], broken[group], kept[group])
        self.latest = Violations([count > 0 for count in broken], all_violating)
        for name, value in constraint_metrics(gather(kept), gather(writing)).items():
            log_metric(f"constraints/{name}", value)
        return rewards

    def _group(
        self, writing: Sequence[float | None], broken: Sequence[int], kept: Sequence[Sequence[bool | None]]
    ) -> list[float | None]:
        own, share = self.constraints, self.constraints.per_constraint
        match own.mode:
            case "none":
                return list(writing)
            case "penalty" if all_violate(writing, broken):
                return [0.0] * len(writing)  # the trainer sets the advantages of such a group
            case "penalty":
                return apply_penalty(writing, broken, margin=own.margin, per_constraint=share)
            case "verifier_only":
                return [verifier_reward(checks, per_constraint=share) for checks in kept]
            case "fixed":
                verified = [verifier_reward(checks, per_constraint=share) for checks in kept]
                return [fixed_weight_reward(r, v, own.weight) for r, v in zip(writing, verified, strict=True)]

    def _check_failures(self, checks: Sequence[Check]) -> None:
        failed = sum(check.kept is None for check in checks)
        if failed > self.constraints.max_failure_share * len(checks):
            assert self.verifier is not None  # only a verifier's answers fail
            raise InputError(
                f"{failed} of {len(checks)} answers of the verifier {self.verifier.name!r} could not be had "
                f"or read in one step, more than constraints.max_failure_share = "
                f"{self.constraints.max_failure_share:.0%}; raise its max_new_tokens, or take a better model"
            )


def _sum(rewards: Iterable[tuple[float | None, float]]) -> float | None:
    known = [reward * weight for reward, weight in rewards if reward is not None]
    return sum(known) if known else None


def constraint_metrics(
    kept: Sequence[Sequence[bool | None]], writing: Sequence[float | None]
) -> dict[str, float]:
    """Of one step's stories and their checks; what there is nothing to count of is left out.

    Returns:
        ``kept``: constraints kept, of those that could be verified; ``unverified``: those that could not, of
        all; ``writing``: mean writing reward, before anything is mixed into it.
    """
    checks = [check for of_story in kept for check in of_story]
    known = [check for check in checks if check is not None]
    metrics = {}
    if known:
        metrics["kept"] = sum(known) / len(known)
    if checks:
        metrics["unverified"] = 1 - len(known) / len(checks)
    if any(reward is not None for reward in writing):
        metrics["writing"] = fmean(reward for reward in writing if reward is not None)
    return metrics

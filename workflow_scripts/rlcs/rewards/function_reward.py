"""Reward of a policy by a file of the user's (docs/extending.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from rlcs.config.plugins import FunctionRewardConfig
from rlcs.config.prompts import Messages
from rlcs.errors import InputError
from rlcs.judging.failures import FailureLimit
from rlcs.plugins import REWARD, load_function
from rlcs.records import Context
from rlcs.rewards.pivot_reward import FAILURE_SHARE
from rlcs.rewards.story_metrics import log_story_metrics
from rlcs.stages.ranks import gather


class FunctionReward:
    """TRL reward function: what the file's function ``reward`` returns for the stories of a step.

    A story without a value gets None, which TRL leaves out of its group. It logs ``function/{file}/calls``
    and ``function/{file}/failed``, the share of values that are None.

    Raises:
        InputError: on construction, if the function cannot be loaded; when called, if it raises an error,
            returns something else than ``plugins.REWARD`` says, or more values are None than may.
    """

    def __init__(self, reward: FunctionRewardConfig, contexts: Mapping[str, Context]) -> None:
        self.function = load_function(reward.function, REWARD, reward.options)
        self.contexts = contexts
        self.failures = FailureLimit(reward.max_failure_share, FAILURE_SHARE)
        self.metrics = f"function/{reward.function.stem}"
        self.__name__ = f"function-{reward.function.stem}"

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        context_id: Sequence[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        stories = [completion[-1]["content"] for completion in completions]
        contexts = [self.contexts[name] for name in context_id]
        values = self.function.numbers(len(stories), stories, contexts)
        failed = [value is None for value in gather(values)]  # check and metrics are those of the whole step
        if problem := self.failures.problem(
            f"values of {self.function.file} are None", sum(failed), len(failed)
        ):
            raise InputError(f"{problem}; mend the file, or raise the share")
        self.failures.add(failed)
        log_metric(f"{self.metrics}/calls", float(len(failed)))
        log_metric(f"{self.metrics}/failed", fmean(failed))
        log_story_metrics(stories, log_metric)
        return values

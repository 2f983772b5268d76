"""Reward of a policy: the plain score of a judge that scores each story by itself (RLMR)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rlcs.config.prompts import Messages
from rlcs.judging.failures import FailureLimit
from rlcs.judging.judge import Judge
from rlcs.records import Comparison, Context
from rlcs.rewards.pivot_reward import FAILURE_SHARE, check_failures, judge_metrics
from rlcs.rewards.story_metrics import log_story_metrics
from rlcs.stages.ranks import gather


class ScalarReward:
    """TRL reward function: a story's score by a Bradley-Terry model or another judge of single stories.

    The judge compares each story with itself; its judgement states the score. A story that the judge failed
    on gets None.

    Args:
        max_failure_share: largest share of the recent stories (``FailureLimit``) that the judge may fail on.
        metrics: prefix of the names of logged metrics.

    Raises:
        InputError: when called, if the judge failed on a larger share.
    """

    def __init__(
        self,
        judge: Judge,
        contexts: Mapping[str, Context],
        *,
        max_failure_share: float = 1.0,
        name: str = "scalar",
        metrics: str = "judge",
    ) -> None:
        self.judge = judge
        self.contexts = contexts
        self.failures = FailureLimit(max_failure_share, FAILURE_SHARE)
        self.metrics = metrics
        self.__name__ = name

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        context_id: Sequence[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        stories = [completion[-1]["content"] for completion in completions]
        comparisons = [
            Comparison(str(number), self.contexts[name], story, story, "ab")
            for number, (name, story) in enumerate(zip(context_id, stories, strict=True))
        ]
        judgements = self.judge.judge(comparisons)
        all_judgements = gather(judgements)  # check and metrics are those of the whole step
        check_failures(all_judgements, self.judge.name, self.failures)
        for name, value in judge_metrics(all_judgements).items():
            log_metric(f"{self.metrics}/{name}", value)
        log_story_metrics(stories, log_metric)
        return [judgement.score_a for judgement in judgements]
